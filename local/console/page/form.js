// Make a form for the fields of a row, from their JSON schemas, and read its values.
import { toJson } from './api.js';
import { field, make } from './elements.js';
import { choicesOf, typesOf } from './schema.js';

export class InvalidValue extends Error {}

// Return { element, values }: `values()` returns the fields that are set, and raises InvalidValue.
// `row` has the present values. A required field is always set. The fields of `key` are shown first,
// and cannot be changed.
export function makeForm(fields, row = {}, { required = new Set(), key = new Set() } = {}) {
  const names = Object.keys(fields).sort((one, other) => key.has(other) - key.has(one));
  const inputs = names.map((name) => makeInput(name, fields[name], row[name], { required: required.has(name), isKey: key.has(name) }));
  return {
    element: make('div', { class: 'form' }, ...inputs.map((each) => each.element)),
    values: () => Object.fromEntries(inputs.map((each) => [each.name, each.value()]).filter(([, value]) => value !== undefined)),
  };
}

function makeInput(name, schema, value, { required, isKey }) {
  const types = typesOf(schema), nullable = types.has('null'), isJson = holdsJson(types);
  const text = value === undefined || value === null ? '' : isJson ? toJson(value, 1) : String(value);
  const control = makeControl(schema, types, text, required && !nullable);
  const kinds = [required ? 'required' : '', kindOf(schema, types), schema.format].filter(Boolean).join(', ');
  const notes = [kinds, isKey ? 'It identifies the row' : schema.description].filter(Boolean).join('. ');
  if (isKey) control.readOnly = true;
  const empty = nullable && make('input', { type: 'checkbox', id: `null-${name}`, checked: value === null });
  const element = field(name, control, notes);
  if (empty) {
    const toggle = () => { control.disabled = empty.checked; };
    empty.onchange = toggle;
    toggle();
    element.append(make('label', { for: empty.id, class: 'check' }, empty, ' null'));
  }
  return {
    name, element,
    value: () => (empty?.checked ? null : parse(name, types, schema, control.value, value, required)),
  };
}

// Return whether the value is written as JSON: an array, an object, or a column that holds any JSON.
const holdsJson = (types) => types.has('array') || types.has('object') || !types.size;

// Return what a value is, in words.
function kindOf(schema, types) {
  const names = [...types].filter((type) => type !== 'null');
  if (names.length > 2) return 'any JSON';
  if (names.join() === 'string,number') return 'number';
  if (schema.properties) return `object with ${Object.keys(schema.properties).join(', ')}`;
  if (schema.items && types.has('array')) return `array of ${kindOf(schema.items, typesOf(schema.items)) || 'values'}, as JSON`;
  return names.join(' or ');
}

function makeControl(schema, types, text, required) {
  const choices = choicesOf(schema);
  if (choices) {
    const options = [...(required ? [] : ['']), ...choices.filter((each) => each !== null).map(String)];
    return make('select', {}, ...options.map((each) => make('option', { value: each, selected: each === text }, each)));
  }
  const isLong = holdsJson(types) || schema.maxLength > 300;
  const control = isLong ? make('textarea', { rows: Math.min(Math.max(text.split('\n').length, 2), 8) }) : make('input', { type: 'text', autocomplete: 'off' });
  if (!isLong && (types.has('integer') || types.has('number'))) control.inputMode = 'decimal';
  if (schema.format === 'uuid') control.className = 'code';
  control.value = text;
  return control;
}

// Return the value of a text; undefined if the text is empty and the field may be left out.
function parse(name, types, schema, text, before, required) {
  if (types.has('string') && !holdsJson(types)) {
    if (text === '' && !required && (before === undefined || before === null || schema.enum)) return undefined;
    return text;
  }
  if (text.trim() === '') {
    if (!required) return undefined;
    throw new InvalidValue(`${name} is required`);
  }
  if (types.has('integer') && /^-?\d+$/.test(text.trim())) {
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text.trim());
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidValue(`${name} is not valid JSON; it must be: ${kindOf(schema, types) || 'JSON'}.`);
  }
}
