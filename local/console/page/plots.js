// Plots of the last minutes: stacked bars, one a second, or curves over powers of ten. They share a cursor.
import { duration, make, rate, tinted } from './elements.js';

const LEFT = 44, TOP = 8, FOOT = 134, HEIGHT = 150; // of the plot in its picture, in pixels
const FLOOR = 0.0015; // seconds: the lower end of the logarithmic scale of times
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
let cursor = null; // seconds before the end of the plot

class Plot {
  // `series`: the name, the colour, and a function that returns the value of a second.
  // `empty`: the caption if all values are zero.
  constructor(title, series, empty = '') {
    Object.assign(this, { title, series, empty });
    this.caption = make('figcaption');
    this.picture = make('svg', { role: 'img', 'aria-label': title });
    this.figure = make('figure', {}, this.caption, this.picture);
    this.picture.onpointermove = ({ offsetX }) => { cursor = (this.width - offsetX) / this.step; };
    this.picture.onpointerleave = () => { cursor = null; };
  }

  // `seconds`: a Map of the seconds with data. The plot ends at the start of the second `end`.
  draw(seconds, end, span) {
    this.width = this.picture.clientWidth || 560;
    this.step = (this.width - LEFT) / span;
    this.x = (at) => (this.width - (end - at) * this.step).toFixed(1);
    const values = new Map();
    for (let at = end - span; at < end; at += 1) {
      if (seconds.has(at)) values.set(at, this.series.map(([, , find]) => find(seconds.get(at)) ?? 0));
    }
    const moving = make('g', {}, ...this.paths(values));
    this.picture.replaceChildren(...this.axes(span), moving);
    const pointed = cursor === null ? end - 1 : Math.floor(end - cursor);
    if (cursor !== null) {
      const x = this.x(pointed + 0.5);
      this.picture.append(make('line', { class: 'cursor', x1: x, x2: x, y1: TOP, y2: FOOT }));
    }
    if (!reducedMotion.matches) moving.animate([{ transform: `translateX(${this.step}px)` }, { transform: 'none' }], 1000);
    this.label(values, pointed);
  }

  label(values, pointed) {
    const shown = this.series.map(([name, colour], index) => {
      const visible = !this.empty || [...values.values()].some((each) => each[index]);
      const text = `${name} ${this.format(values.get(pointed)?.[index])}`;
      return visible && tinted(colour, make('small', { class: 'key' }, text));
    }).filter(Boolean);
    this.caption.replaceChildren(
      make('strong', {}, this.title), ...(shown.length ? shown : [make('small', {}, this.empty)]));
  }

  axes(span) {
    const times = [1, 0.75, 0.5, 0.25].map((part) => make(
      'text', { x: this.width - part * (this.width - LEFT), y: HEIGHT - 3 }, `−${duration(part * span)}`));
    const lines = this.ticks.map((value) => make('g', {},
      make('line', { x1: LEFT, x2: this.width, y1: this.y(value), y2: this.y(value) }),
      make('text', { x: LEFT - 6, y: this.y(value) + 4, 'text-anchor': 'end' }, this.format(value))));
    return [...times, ...lines];
  }
}

export class Bars extends Plot {
  format(value) { return rate(value ?? 0); }

  paths(values) {
    const highest = Math.max(1, ...[...values.values()].map((each) => each.reduce((total, value) => total + value)));
    const power = 10 ** Math.floor(Math.log10(highest));
    const top = power * [1, 2, 4, 6, 10].find((round) => round * power >= highest);
    this.ticks = top === 1 ? [0, 1] : [0, top / 2, top];
    this.y = (value) => FOOT - (value / top) * (FOOT - TOP);
    const paths = this.series.map(() => []), width = this.step > 4 ? this.step - 1.5 : this.step;
    for (const [at, each] of values) {
      let height = 0;
      each.forEach((value, index) => {
        const below = this.y(height);
        height += value;
        if (value) paths[index].push(`M${this.x(at)} ${below}V${this.y(height)}h${width}V${below}z`);
      });
    }
    return paths.map((path, index) => make('path', { d: path.join(''), fill: `var(--${this.series[index][1]})` }));
  }
}

export class Curves extends Plot {
  format(value) { return duration(value || null); }

  paths(values) {
    const highest = 1.3 * Math.max(1, ...[...values.values()].flat()), powers = (value) => Math.log10(value / FLOOR);
    this.ticks = [0.01, 0.1, 1, 10, 100].filter((value) => value < highest);
    this.y = (value) => FOOT - (powers(Math.max(value, FLOOR)) / powers(highest)) * (FOOT - TOP);
    return this.series.map(([, colour], index) => {
      let before = -Infinity; // points at most two seconds apart are joined; a single point is a dot
      const path = [...values].filter(([, each]) => each[index]).map(([at, each]) => {
        const point = `${this.x(at + 0.5)} ${this.y(each[index])}`, joined = at - before <= 2;
        before = at;
        return joined ? `L${point}` : `M${point}h0`;
      });
      const kind = index === 0 ? 'curve wide' : 'curve';
      return make('path', { class: kind, d: path.join(''), stroke: `var(--${colour})` });
    });
  }
}
