// Resolves did:ethr identifiers with the reference resolver.
//
// Standard input: { url, chainId, registry, queries: [{ did, now, versionId? }] }, times in Unix seconds.
// Standard output: for each query { document, metadata }, the metadata's times in Unix seconds.
import { readFileSync } from "node:fs";
import { parse } from "did-resolver";
import { JsonRpcProvider } from "ethers";
import { getResolver } from "ethr-did-resolver";

// The resolver asks the clock before anything else; each query has a time of its own.
const RealDate = Date;
let now = 0;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [now * 1000]));
  }
};

const { url, chainId, registry, queries } = JSON.parse(readFileSync(0, "utf8"));
const provider = new JsonRpcProvider(url, chainId, { staticNetwork: true });
const { ethr } = getResolver({ networks: [{ chainId, registry, provider }] });
const seconds = (time) => time && RealDate.parse(time) / 1000;

const answers = queries.map(async (query) => {
  const parsed = parse(query.versionId === undefined ? query.did : `${query.did}?versionId=${query.versionId}`);
  now = query.now;
  const result = await ethr(parsed.did, parsed, null, {});
  if (result.didResolutionMetadata.error) throw new Error(result.didResolutionMetadata.message);
  const { updated, nextUpdate, ...metadata } = result.didDocumentMetadata;
  return {
    document: result.didDocument,
    metadata: { ...metadata, updated: seconds(updated), nextUpdate: seconds(nextUpdate) },
  };
});
process.stdout.write(JSON.stringify(await Promise.all(answers)));
provider.destroy();
