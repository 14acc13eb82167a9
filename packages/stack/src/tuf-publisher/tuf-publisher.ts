// The published root of trust as a service: kept fresh by a job, served as static files, copied to where else it is to be had.
import type { CeremonyFiles, PublicationDuty, PublicationPlan, PublishedState } from "@sigillum/library/tuf-repository";
import { errorReply, type Service } from "../host/index.ts";
import { publisherActions } from "./actions.ts";
import { fileRoutes } from "./files-route.ts";
import { Publisher, type TufPublisherOptions } from "./publisher.ts";

/** The service, and what the rest of the stack asks of it. */
export interface TufPublisher extends Service {
  /** Publish what is due now; returns whether anything was. Calls wait for each other. */
  tick(): Promise<boolean>;
  /** Publish what keyholders signed, together with a snapshot and timestamp of now. */
  publishCeremony(ceremony: CeremonyFiles, restartAt?: PublicationPlan["restartAt"]): Promise<void>;
  /**
   * After a restore: publish everything anew under versions so much higher. Clients refuse what is older than they saw, and more may have been
   * published after the backup was made than it knows of.
   */
  jumpVersions(gap: number): Promise<void>;
  /** What will be needed next, first due first, and by whom. */
  duties(): Promise<readonly PublicationDuty[]>;
  /** What is published; throws TUF_NOT_FOUNDED before the first root. */
  state(): PublishedState;
  /** Hex SHA-256 of `1.root.json`, what a client pins; undefined before the first root. */
  firstRootSha256(): Promise<string | undefined>;
}

/** How often the publisher looks whether something is due. */
const tickEveryMs = 10 * 60_000;

/** Open or start the repository in `directory`, publish what is due, and return the service. */
export async function createTufPublisher(options: TufPublisherOptions): Promise<TufPublisher> {
  const publisher = new Publisher(options);
  await publisher.open();
  publisher.tellMetrics();
  return {
    name: "tuf",
    listeners: [
      {
        ...options.listener,
        handler: fileRoutes(options.directory).listener({ logger: options.logger, onError: errorReply, cors: {} }),
      },
    ],
    jobs: [{ name: "tuf.tick", everyMs: tickEveryMs, run: async () => void (await publisher.tick()) }],
    actions: publisherActions(publisher),
    ready: async () => publisher.readiness(),
    close: () => publisher.settled(),
    tick: () => publisher.tick(),
    publishCeremony: async (ceremony, restartAt) =>
      void (await publisher.publish({ ceremony, ...(restartAt === undefined ? {} : { restartAt }) })),
    async jumpVersions(gap) {
      const { targets, snapshot, timestamp } = publisher.demandState();
      const restartAt = { snapshot: snapshot.version + gap, timestamp: timestamp.version + gap };
      // Offline targets are for their keyholders to sign.
      const online = (await publisher.plan()).signers.targets.length > 0;
      await publisher.publish({ restartAt: online ? { ...restartAt, targets: targets.version + gap } : restartAt });
    },
    duties: () => publisher.duties(),
    state: () => publisher.demandState(),
    firstRootSha256: () => publisher.firstRootSha256(),
  };
}
