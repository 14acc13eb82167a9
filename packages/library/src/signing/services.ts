// Which services a signature needs: a managed key needs no certificate authority, and a config may name no log on purpose.
import { type SelectedServices, type SigningConfig, type SigningService, selectServices } from "../trusted-root/index.ts";

/** The services that one signature uses. */
export interface ChosenServices {
  readonly ca?: SigningService;
  readonly logs: readonly SigningService[];
  readonly tsas: readonly SigningService[];
}

// Stands where selectServices demands a service and none is wanted; it is taken out of the choice again.
const nobody: SigningService = { url: "", majorApiVersion: 1, validFor: { startMs: 0 }, operator: "" };

/** Choose services as `selectServices` does; without an authority where none is needed, without a log where the config lists none. */
export function chooseServices(config: SigningConfig | undefined, nowMs: number, needsCertificate: boolean): ChosenServices {
  if (config === undefined) {
    if (needsCertificate) throw new TypeError("Signing with an identity needs a signing config");
    return { logs: [], tsas: [] };
  }
  const wantsLog = config.rekorTlogUrls.length > 0;
  const selected: SelectedServices = selectServices(
    {
      ...config,
      ...(needsCertificate ? {} : { caUrls: [nobody] }),
      ...(wantsLog ? {} : { rekorTlogUrls: [nobody], rekorTlogConfig: { selector: "ANY" } }),
    },
    nowMs,
  );
  return {
    ...(needsCertificate ? { ca: selected.ca } : {}),
    logs: wantsLog ? selected.logs : [],
    tsas: selected.tsas,
  };
}
