// Trials: while a term of a disjunction is tried, a copy stands for the value, and what lies outside of the copy must not see it: it would
// keep what it makes of a value that may never be.
import type { Vertex } from "./vertex.ts";

/** The values on trial, the outermost first, each with a copy that stands for it. */
export class Trials {
  readonly #trials: Vertex[] = [];

  /** Do something while `copy` stands for a vertex. */
  run(vertex: Vertex, copy: Vertex, run: () => void): void {
    const outer = vertex.standIn;
    vertex.standIn = copy;
    this.#trials.push(vertex);
    run();
    this.#trials.pop();
    vertex.standIn = outer;
  }

  /** Do something with a vertex that sees those copies alone that it lies in: what waits in a value of a disjunction is tried as that value. */
  within(vertex: Vertex, run: (vertex: Vertex) => void): void {
    const copy = vertex.tasks.length > 0 || vertex.copyOf !== undefined ? copyAround(vertex) : undefined;
    if (copy?.copyOf === undefined || copy.copyOf.standIn === copy) this.#within(vertex, run);
    else this.run(copy.copyOf, copy, () => this.#within(vertex, run));
  }

  #within(vertex: Vertex, run: (vertex: Vertex) => void): void {
    if (this.#trials.length === 0) {
      run(vertex);
      return;
    }
    let hidden: [Vertex, Vertex][] | undefined;
    for (const trial of this.#trials) {
      const copy = trial.standIn;
      if (copy === undefined || liesIn(vertex, copy)) continue;
      hidden ??= [];
      hidden.push([trial, copy]);
      trial.standIn = undefined;
    }
    run(vertex);
    if (hidden !== undefined) for (const [trial, copy] of hidden) trial.standIn = copy;
  }
}

/** The innermost copy that a vertex lies in. */
function copyAround(vertex: Vertex): Vertex | undefined {
  let at: Vertex | undefined = vertex;
  while (at !== undefined && at.copyOf === undefined) at = at.parent;
  return at;
}

function liesIn(vertex: Vertex, copy: Vertex): boolean {
  for (let at: Vertex | undefined = vertex; at !== undefined; at = at.parent) if (at === copy) return true;
  return false;
}
