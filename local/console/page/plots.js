// Plots of the last minutes with uPlot: stacked bars, one a second, or curves over powers of ten.
// Pointing at a plot, or the arrow keys, show the time and the values of a second.
import { clock, duration, make, rate } from './elements.js';

const HEIGHT = 180;
const { uPlot } = window;
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

class Plot {
  // `series`: the name, the colour, and a function that returns the value of a second.
  // `empty`: the caption if all values are zero.
  constructor({ title, unit, series, empty = '' }) {
    Object.assign(this, { title, unit, series, empty, picked: null, seconds: new Map() });
    this.keys = make('p', { class: 'keys' });
    this.tip = make('div', { class: 'tip', hidden: true });
    this.spoken = make('p', { class: 'spoken', 'aria-live': 'polite' });
    this.place = make('div', {
      class: 'plot', tabindex: 0, role: 'application', 'aria-roledescription': 'plot',
      'aria-label': `${title}, ${unit}. The left and right arrow keys show the values of a second.`,
      onkeydown: (event) => this.onKey(event),
      onblur: () => this.pick(null),
    });
    this.figure = make('figure', {},
      make('figcaption', {}, make('strong', {}, title), make('small', {}, ` ${unit}`), this.keys),
      this.place, this.spoken);
  }

  create() {
    const axis = { stroke: colourOf('soft'), grid: { stroke: colourOf('line'), width: 1 }, ticks: { show: false } };
    const font = '11px system-ui, sans-serif';
    this.chart?.destroy();
    this.chart = new uPlot({
      width: this.place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true }, y: this.scale() },
      axes: [
        { ...axis, font, space: 70, size: 26, values: (_, splits) => splits.map((at) => clock(at)) },
        { ...axis, font, size: 56, ...this.ticks(), values: (_, splits) => splits.map((value) => this.axisText(value)) },
      ],
      series: [{}, ...this.series.map((each, index) => this.drawn(each, index))],
      padding: [8, 28, 0, 0],
    }, this.data, this.place);
    this.chart.over.append(this.tip);
    const point = ({ offsetX }) => this.pick(Math.floor(this.chart.posToVal(offsetX, 'x')));
    this.chart.over.addEventListener('pointermove', point);
    this.chart.over.addEventListener('pointerdown', point);
    this.chart.over.addEventListener('pointerleave', () => this.pick(null));
  }

  // `seconds`: a Map of the seconds with data. The plot ends at the start of the second `end`.
  draw(seconds, end, span) {
    this.seconds = seconds;
    const ats = Array.from({ length: span }, (_, index) => end - span + index);
    this.values = ats.map((at) => (seconds.has(at)
      ? this.series.map(([, , find]) => find(seconds.get(at)) ?? null) : this.series.map(() => null)));
    this.data = [ats, ...this.columns()];
    const width = this.place.clientWidth;
    if (!this.chart || this.chart.width !== width) this.create();
    this.chart.setData(this.data, false);
    this.chart.setScale('x', { min: end - span, max: end }); // the last bar ends at the edge
    this.caption();
    if (this.picked !== null && !ats.includes(this.picked)) this.pick(null);
    else if (this.picked !== null) this.pick(this.picked);
  }

  onKey(event) {
    const ats = this.data?.[0] ?? [], steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key === 'Escape') this.pick(null);
    if (!(event.key in steps) || !ats.length) return;
    event.preventDefault();
    const last = ats.at(-1);
    const at = this.picked === null ? last : this.picked + steps[event.key];
    this.pick(Math.min(last, Math.max(ats[0], at)));
    this.spoken.textContent = `${clock(this.picked)}: ${this.texts().join(', ')}`;
  }

  texts() {
    const values = this.values[this.data[0].indexOf(this.picked)] ?? [];
    const shown = this.series.map(([name], index) => [name, values[index]]).filter(([, value]) => value);
    return shown.length ? shown.map(([name, value]) => `${name} ${this.format(value)}`) : ['nothing'];
  }

  // Show the values of the second `at`, or hide them.
  pick(at) {
    this.picked = at;
    this.tip.hidden = at === null;
    if (at === null) return;
    this.tip.replaceChildren(make('b', {}, clock(at)), ...this.texts().map((text) => make('div', {}, text)));
    const left = this.chart.valToPos(at + 0.5, 'x'), width = this.chart.over.clientWidth;
    this.tip.classList.toggle('left', left > width / 2);
    this.tip.style.setProperty('--x', `${left}px`);
  }

  caption() {
    const latest = this.values.at(-1);
    const visible = this.series.map((each, index) => [each, latest[index]]).filter(
      (_, index) => !this.empty || this.values.some((values) => values[index]));
    this.keys.replaceChildren(...visible.map(([[name, colour], value]) => {
      const key = make('span', { class: 'key' }, make('i', {}), `${name} ${value === null ? '–' : this.format(value)}`);
      key.style.setProperty('--of', `var(--${colour})`);
      return key;
    }), ...(visible.length ? [] : [this.empty]));
  }
}

export class Bars extends Plot {
  format(value) { return rate(value ?? 0); }

  axisText(value) { return rate(value); }

  scale() { return { range: (_, low, high) => [0, Math.max(4, high * 1.1)] }; }

  ticks() { return { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }; }

  // The bars are stacked: each series is drawn up to its sum with those before it, the highest first.
  columns() {
    const sums = this.values.map((values) => {
      let total = 0;
      return values.map((value) => (total += value ?? 0));
    });
    return this.series.map((_, index) => sums.map((each) => each[this.series.length - 1 - index] || null));
  }

  drawn(_, index) {
    const colour = this.series[this.series.length - 1 - index][1];
    return { fill: colourOf(colour), stroke: colourOf(colour), width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [0.75, 30], align: 1 }) };
  }
}

export class Curves extends Plot {
  format(value) { return duration(value || null); }

  axisText(value) { return value === null ? '' : duration(value); }

  scale() {
    return { distr: 3, range: (_, low, high) => [Math.min(0.001, low ?? 0.001), Math.max(1, (high ?? 1) * 1.5)] };
  }

  // Values and lines at powers of ten only.
  ticks() {
    const filter = (_, splits) => splits.map((value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? value : null));
    return { filter, grid: { stroke: colourOf('line'), width: 1, filter } };
  }

  columns() { return this.series.map((_, index) => this.values.map((values) => values[index])); }

  drawn([, colour, , style = {}]) {
    return { stroke: colourOf(colour), width: 2, spanGaps: false,
      points: { show: true, size: style.dot ?? 5, width: 0, space: 0, fill: colourOf(colour), stroke: colourOf(colour) },
      ...(style.dot ? { paths: () => null } : {}), ...(style.dash ? { dash: style.dash } : {}) };
  }
}
