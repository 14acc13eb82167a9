// Where oidc-provider keeps codes, grants and sessions: in memory, bounded, each entry with its end. A restart ends every sign-in,
// which lasts minutes; nothing that was signed depends on it.

/** What oidc-provider stores. */
interface Payload {
  readonly grantId?: string;
  readonly uid?: string;
  readonly userCode?: string;
  consumed?: number;
}

interface Entry {
  readonly payload: Payload;
  readonly expiresMs: number;
}

/** Entries beyond this number push out the oldest. */
export const maxStoredSessions = 20_000;

/** The adapter that oidc-provider is given: one for each of its models, all over one store. */
export interface SessionAdapter {
  upsert(id: string, payload: Payload, expiresInSeconds?: number): Promise<void>;
  find(id: string): Promise<Payload | undefined>;
  findByUid(uid: string): Promise<Payload | undefined>;
  findByUserCode(userCode: string): Promise<Payload | undefined>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** Makes the function that gives oidc-provider an adapter for each model. */
export function sessionStore(nowMs: () => number): (model: string) => SessionAdapter {
  const entries = new Map<string, Entry>();
  const live = (key: string): Payload | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresMs > nowMs()) return entry.payload;
    entries.delete(key);
    return undefined;
  };
  const findWhere = (model: string, matches: (payload: Payload) => boolean): Payload | undefined => {
    for (const [key, { payload }] of entries) if (key.startsWith(`${model}:`) && matches(payload)) return live(key);
    return undefined;
  };
  return (model) => ({
    upsert: (id, payload, expiresInSeconds) => {
      const key = `${model}:${id}`;
      // Written again, an entry becomes the youngest.
      entries.delete(key);
      entries.set(key, { payload, expiresMs: nowMs() + (expiresInSeconds ?? 3600) * 1000 });
      if (entries.size > maxStoredSessions) evict(entries, nowMs());
      return Promise.resolve();
    },
    find: (id) => Promise.resolve(live(`${model}:${id}`)),
    findByUid: (uid) => Promise.resolve(findWhere(model, (payload) => payload.uid === uid)),
    findByUserCode: (userCode) => Promise.resolve(findWhere(model, (payload) => payload.userCode === userCode)),
    consume: (id) => {
      const payload = live(`${model}:${id}`);
      if (payload !== undefined) payload.consumed = Math.floor(nowMs() / 1000);
      return Promise.resolve();
    },
    destroy: (id) => {
      entries.delete(`${model}:${id}`);
      return Promise.resolve();
    },
    revokeByGrantId: (grantId) => {
      for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
      return Promise.resolve();
    },
  });
}

/** First what has ended, then the oldest, until a tenth is free again. */
function evict(entries: Map<string, Entry>, nowMs: number): void {
  for (const [key, entry] of entries) if (entry.expiresMs <= nowMs) entries.delete(key);
  for (const key of entries.keys()) {
    if (entries.size <= maxStoredSessions * 0.9) return;
    entries.delete(key);
  }
}
