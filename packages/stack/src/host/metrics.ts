// A small metrics registry that prints the Prometheus text format, version 0.0.4.

/** A value that only grows. */
export interface Counter {
  add(amount?: number, ...labelValues: readonly string[]): void;
}

/** Counts of observations by upper bound. */
export interface Histogram {
  observe(value: number, ...labelValues: readonly string[]): void;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(): readonly string[];
}

const metricName = /^[a-z_][a-z0-9_]*$/;
/** Upper bounds in seconds for the duration of requests. */
export const durationBuckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Series of one family beyond this number are not kept, so that labels cannot fill the memory. */
const maxSeries = 2000;

/** The metrics of one process. */
export class MetricsRegistry {
  readonly #families: Map<string, Family> = new Map();

  /** A counter; asked for twice by one name, the first is returned. */
  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    const known = this.#families.get(name);
    if (known instanceof CounterFamily) return known;
    return this.#keep(new CounterFamily(name, help, labelNames));
  }

  /** A histogram over the upper bounds `buckets` (ascending, without +Inf). */
  histogram(name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []): Histogram {
    const known = this.#families.get(name);
    if (known instanceof HistogramFamily) return known;
    return this.#keep(new HistogramFamily(name, help, buckets, labelNames));
  }

  /** A value read when metrics are printed; a later one of the same name and labels replaces it. */
  gauge(name: string, help: string, read: () => number, labels: Readonly<Record<string, string>> = {}): void {
    const known = this.#families.get(name);
    const family = known instanceof GaugeFamily ? known : this.#keep(new GaugeFamily(name, help));
    family.add(labels, read);
  }

  /** All metrics in the Prometheus text format. */
  text(): string {
    const families = [...this.#families.values()];
    return families
      .map((family) =>
        [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`, ...family.lines(), ""].join("\n"),
      )
      .join("");
  }

  #keep<F extends Family>(family: F): F {
    if (!metricName.test(family.name)) throw new TypeError(`MetricsRegistry: ${family.name} is no metric name`);
    if (this.#families.has(family.name)) throw new TypeError(`MetricsRegistry: ${family.name} is of another type already`);
    this.#families.set(family.name, family);
    return family;
  }
}

class CounterFamily implements Counter, Family {
  readonly type = "counter";
  readonly name: string;
  readonly help: string;
  readonly #labelNames: readonly string[];
  readonly #values: Map<string, number> = new Map();
  readonly #labels: LabelTexts = new LabelTexts();

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
  }

  add(amount = 1, ...labelValues: readonly string[]): void {
    const key = this.#labels.of(this.#labelNames, labelValues);
    const before = this.#values.get(key);
    if (before === undefined && this.#values.size >= maxSeries) return;
    this.#values.set(key, (before ?? 0) + amount);
  }

  lines(): readonly string[] {
    if (this.#values.size === 0 && this.#labelNames.length === 0) return [`${this.name} 0`];
    return [...this.#values].map(([labels, value]) => `${this.name}${braces(labels)} ${value}`);
  }
}

class GaugeFamily implements Family {
  readonly type = "gauge";
  readonly name: string;
  readonly help: string;
  readonly #readers: Map<string, () => number> = new Map();

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  add(labels: Readonly<Record<string, string>>, read: () => number): void {
    this.#readers.set(formatLabels(Object.keys(labels), Object.values(labels)), read);
  }

  lines(): readonly string[] {
    return [...this.#readers].map(([labels, read]) => `${this.name}${braces(labels)} ${read()}`);
  }
}

interface HistogramSeries {
  readonly counts: number[];
  sum: number;
  count: number;
}

class HistogramFamily implements Histogram, Family {
  readonly type = "histogram";
  readonly name: string;
  readonly help: string;
  readonly #buckets: readonly number[];
  readonly #labelNames: readonly string[];
  readonly #series: Map<string, HistogramSeries> = new Map();
  readonly #labels: LabelTexts = new LabelTexts();

  constructor(name: string, help: string, buckets: readonly number[], labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    this.#labelNames = labelNames;
  }

  observe(value: number, ...labelValues: readonly string[]): void {
    const key = this.#labels.of(this.#labelNames, labelValues);
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= maxSeries) return;
      series = { counts: this.#buckets.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const bucket = this.#buckets.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
    series.count += 1;
  }

  lines(): readonly string[] {
    return [...this.#series].flatMap(([labels, series]) => {
      let total = 0;
      const bucketLines = this.#buckets.map((bound, position) => {
        total += series.counts[position] ?? 0;
        return `${this.name}_bucket${braces(joinLabels(labels, `le="${bound}"`))} ${total}`;
      });
      return [
        ...bucketLines,
        `${this.name}_bucket${braces(joinLabels(labels, 'le="+Inf"'))} ${series.count}`,
        `${this.name}_sum${braces(labels)} ${series.sum}`,
        `${this.name}_count${braces(labels)} ${series.count}`,
      ];
    });
  }
}

/** Texts of labels that were formatted lately: every request adds to the same few. */
class LabelTexts {
  readonly #texts: Map<string, string> = new Map();

  of(names: readonly string[], values: readonly string[]): string {
    const key = values.join("\0");
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const text = formatLabels(names, values);
    if (this.#texts.size < maxSeries) this.#texts.set(key, text);
    return text;
  }
}

function formatLabels(names: readonly string[], values: readonly string[]): string {
  if (names.length !== values.length) throw new TypeError(`Metric labels: ${names.length} names but ${values.length} values`);
  return names.map((name, position) => `${name}="${escapeLabel(values[position] ?? "")}"`).join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function joinLabels(labels: string, label: string): string {
  return labels === "" ? label : `${labels},${label}`;
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
