// The matrix of image signatures as a list: who signs, how, where, and who verifies. The list is frozen in image-cells.txt, so that no cell
// vanishes unseen; a cell that cannot be says which line of the other program says so.

/** Who signs and verifies; `from` says where the program comes from, and so which runs have the column. */
export const clients = [
  { name: "sigillum", peer: undefined, from: "this checkout" },
  { name: "cosign-2.5", peer: "cosign-2", from: "Debian" },
  { name: "cosign-2.6", peer: "cosign-2-go", from: "Go modules, --all" },
  { name: "cosign-3.1", peer: "cosign-3", from: "Debian" },
] as const;

/** Where the image is. */
export const registries = [
  { name: "embedded", peer: undefined, from: "this checkout" },
  { name: "docker-registry", peer: "docker-registry", from: "Debian" },
  { name: "zot", peer: "zot", from: "Go modules, --all" },
] as const;

/** In what layout the signature is written; cosign has no switch for both and signs twice. */
export const layouts = ["tag", "referrers", "both"] as const;
/** With what it is signed; the key service is one that speaks the protocol of Vault's transit engine. */
export const credentials = ["key", "keyless", "kms"] as const;

export type ClientName = (typeof clients)[number]["name"];
export type RegistryName = (typeof registries)[number]["name"];
export type LayoutName = (typeof layouts)[number];
export type CredentialName = (typeof credentials)[number];

/** One question to two programs. */
export interface Cell {
  readonly registry: RegistryName;
  readonly signer: ClientName;
  readonly layout: LayoutName;
  readonly credential: CredentialName;
  readonly verifier: ClientName;
  /** Why it cannot be; undefined where it must be green. */
  readonly cannot: Reason | undefined;
}

/** Why cells cannot be, with the line of the other program that says so. */
export const reasons = {
  "2.5-signs-no-referrers":
    "cosign v2.5.0, cmd/cosign/cli/options/sign.go, declares no --new-bundle-format (v2.6.5 does, in AddFlags): `sign` writes the tag layout alone",
  "2.5-reads-no-referrers":
    "cosign v2.5.0, cmd/cosign/cli/verify/verify.go, Exec: hands NewBundleFormat on and calls VerifyImageSignatures, which reads tags, whatever it says",
} as const;

/** The name of a reason. */
export type Reason = keyof typeof reasons;

/** Every combination, in the order of the frozen list. */
export function allCells(): Cell[] {
  const cells: Cell[] = [];
  for (const registry of registries)
    for (const signer of clients)
      for (const layout of layouts)
        for (const credential of credentials)
          for (const verifier of clients) {
            const cell = { registry: registry.name, signer: signer.name, layout, credential, verifier: verifier.name };
            cells.push({ ...cell, cannot: reasonOf(cell) });
          }
  return cells;
}

function reasonOf({ signer, layout, verifier }: Omit<Cell, "cannot">): Reason | undefined {
  if (signer === "cosign-2.5" && layout !== "tag") return "2.5-signs-no-referrers";
  if (verifier === "cosign-2.5" && layout === "referrers") return "2.5-reads-no-referrers";
  return undefined;
}

/** The list as the frozen file has it: what cannot be first, with the reasons. */
export function frozenText(cells: readonly Cell[]): string {
  const from = (cell: Cell): string =>
    [cell.signer, cell.verifier, cell.registry].every((name) => !isSlow(name)) ? "always" : "--all";
  const line = ({ registry, signer, layout, credential, verifier }: Cell): string =>
    [signer, credential, layout, registry, verifier].map((word) => word.padEnd(16)).join("");
  const cannot = cells.filter((cell) => cell.cannot !== undefined);
  const must = cells.filter((cell) => cell.cannot === undefined);
  return [
    "# signer, credential, layout, registry, verifier; made by image-cells.ts, compared by image-matrix.test.ts",
    ...Object.entries(reasons).map(([name, text]) => `# ${name}: ${text}`),
    `# ${cannot.length} cells cannot be`,
    ...cannot.map((cell) => `${line(cell)}${cell.cannot}`),
    `# ${must.length} cells must be green; "--all" wants programs that Go modules build`,
    ...must.map((cell) => `${line(cell)}${from(cell)}`),
    "",
  ].join("\n");
}

function isSlow(name: ClientName | RegistryName): boolean {
  return [...clients, ...registries].some((one) => one.name === name && one.from.includes("--all"));
}
