// What the parts of a value take of memory, in bytes, as the budget counts them: measured on the objects that they are made of, and
// rounded up. A test holds the sum against the heap.

/** A field, an element or a value on the way, before it is given anything. */
export const vertexBytes = 704;

/** A conjunct that is kept, with its place in the lists of its vertex. */
export const conjunctBytes = 160;

/** A conjunct that is taken in: what is understood of it, what it demands, and who granted it. */
export const takenBytes = 208;

/** A struct or a reference that is taken in: a scope and a group besides. */
export const scopeBytes = 192;

/** A field that only the document has, and an element of a list that is no vertex yet. */
export const leftBytes = 64;

/** One turn of a comprehension: the scope of its variables. */
export const turnBytes = 320;

/** The copy of a value that stands for it on trial, without what is copied. */
export const trialBytes = 512;
