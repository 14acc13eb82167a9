// The smallest image there is, pushed with the requests that OCI distribution 1.1 §4.3 names.
import { createHash, randomUUID } from "node:crypto";

/** Push an image of one small layer, different at every call; the reference by digest, as `localhost:5000/name@sha256:…`. */
export function pushImage(registryUrl: string, repository: string, tag?: string): Promise<string> {
  return pushLayer(registryUrl, repository, Buffer.from(`a layer ${randomUUID()}`), tag);
}

/** Push an image with files, for programs that look into it. */
export function pushFiles(registryUrl: string, repository: string, files: Readonly<Record<string, string>>): Promise<string> {
  const entries = Object.entries({ ...files, id: randomUUID() }).map(([name, text]) => tarEntry(name, Buffer.from(text)));
  return pushLayer(registryUrl, repository, Buffer.concat([...entries, Buffer.alloc(1024)]));
}

// POSIX ustar: a header of 512 octets, the content padded to a multiple of them.
function tarEntry(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, "0000644\0"],
    [108, "0000000\0"],
    [116, "0000000\0"],
    [124, `${content.length.toString(8).padStart(11, "0")}\0`],
    [136, "00000000000\0"],
    [148, "        "],
    [156, "0"],
    [257, "ustar\u000000"],
  ];
  for (const [at, text] of fields) header.write(text, at, "latin1");
  const sum = header.reduce((total, octet) => total + octet, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

async function pushLayer(registryUrl: string, repository: string, layer: Buffer, tag?: string): Promise<string> {
  const base = `${registryUrl}/v2/${repository}`;
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(layer)] }, config: {} }),
  );
  for (const blob of [layer, config]) await pushBlob(base, blob);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: descriptor("application/vnd.oci.image.config.v1+json", config),
      layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    }),
  );
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  await expectStatus(
    201,
    await fetch(`${base}/manifests/${tag ?? digestOf(manifest)}`, { method: "PUT", headers, body: manifest }),
  );
  return `${new URL(registryUrl).host}/${repository}@${digestOf(manifest)}`;
}

async function pushBlob(base: string, blob: Buffer): Promise<void> {
  const opened = await expectStatus(202, await fetch(`${base}/blobs/uploads/`, { method: "POST" }));
  const upload = new URL(opened.headers.get("location") ?? "", base);
  upload.searchParams.set("digest", digestOf(blob));
  await expectStatus(
    201,
    await fetch(upload, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: new Uint8Array(blob) }),
  );
}

function descriptor(mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digestOf(content), size: content.length };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

async function expectStatus(status: number, response: Response): Promise<Response> {
  if (response.status !== status)
    throw new Error(`${response.url} answered ${response.status}, not ${status}: ${await response.text()}`);
  return response;
}
