// A key plugin of cosign (protocol v1: method and options as JSON in the second argument, the message on stdin, the answer as JSON on
// stdout) that asks the key service at $VAULT_ADDR. Debian builds cosign without Vault's client, and with plugins.
import { createHash } from "node:crypto";

async function vault(path, body) {
  const response = await fetch(`${process.env.VAULT_ADDR}/v1/transit/${path}`, {
    method: body === undefined ? "GET" : "PUT",
    headers: { "x-vault-token": process.env.VAULT_TOKEN ?? "" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`the key service answered ${response.status}`);
  return (await response.json()).data;
}

async function answer({ initOptions, methodName }) {
  const name = initOptions.keyResourceID;
  switch (methodName) {
    case "publicKey": {
      const { keys } = await vault(`keys/${name}`);
      return { publicKey: { publicKeyPEM: Buffer.from(keys["1"].public_key).toString("base64") } };
    }
    case "signMessage": {
      const hash = createHash("sha256");
      for await (const chunk of process.stdin) hash.update(chunk);
      const { signature } = await vault(`sign/${name}/sha2-256`, { input: hash.digest("base64"), prehashed: true });
      return { signMessage: { signature: signature.slice("vault:v1:".length) } };
    }
    case "defaultAlgorithm":
      return { defaultAlgorithm: { defaultAlgorithm: "ecdsa-p256" } };
    case "supportedAlgorithms":
      return { supportedAlgorithms: { supportedAlgorithms: ["ecdsa-p256"] } };
    default:
      throw new Error(`${methodName} is not carried out`);
  }
}

const [, , version, words = "{}"] = process.argv;
try {
  if (version !== "v1") throw new Error(`protocol ${version} is not known`);
  console.log(JSON.stringify(await answer(JSON.parse(words))));
} catch (error) {
  console.log(JSON.stringify({ errorMessage: error.message }));
}
