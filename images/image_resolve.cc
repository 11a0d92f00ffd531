// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_resolve.h"

#include <utility>
#include <variant>

#include "images/artifact.h"
#include "images/digest.h"
#include "images/image_config.h"

namespace davit::images {
namespace {

constexpr int64_t kMaxConfig = 1 << 20;

using ParsedManifest = std::variant<Manifest, Index>;

struct PlatformImage {
  ImageDocuments documents;
  std::string root_digest;  // of what the reference itself means, which may be an index
};

Result<std::string> FetchConfig(RegistryClient& registry, const Reference& reference,
                                const Descriptor& config) {
  if (config.size > kMaxConfig) {
    return Fail(Code::kResourceExhausted, "read manifest", reference.Normalised(),
                "the config is larger than 1 MiB");
  }
  return registry.FetchDocument(config);
}

// A server may name no type, or a generic one.
Descriptor DescribeRoot(const ManifestDocument& document, const ParsedManifest& parsed) {
  bool index = std::holds_alternative<Index>(parsed);
  Descriptor root;
  root.media_type = document.media_type;
  if (!root.media_type.starts_with("application/vnd."))
    root.media_type = index ? kOciIndexMediaType : kOciManifestMediaType;
  root.digest = document.digest;
  root.size = static_cast<int64_t>(document.bytes.size());
  return root;
}

Result<PlatformImage> FetchPlatformImage(RegistryClient& registry, const Reference& reference,
                                         const Platform& host, const RootCheck& allowed) {
  DocumentFetch fetch;
  fetch.manifest = [&](const Descriptor& descriptor) -> Result<std::string> {
    return TRY(registry.FetchManifest(descriptor.digest)).bytes;
  };
  fetch.config = [&](const Descriptor& config) { return FetchConfig(registry, reference, config); };
  ManifestDocument document = TRY(registry.FetchManifest(reference.Object()));
  ParsedManifest parsed = TRY(ParseManifest(document.bytes, document.media_type));
  TRY(allowed(DescribeRoot(document, parsed)));
  PlatformImage found;
  found.root_digest = std::move(document.digest);
  if (Index* index = std::get_if<Index>(&parsed)) {
    IndexDocument root{found.root_digest, std::move(document.bytes)};
    found.documents = TRY(FindImage(*index, std::move(root), host, fetch, reference.Normalised()));
    return found;
  }
  found.documents.manifest = std::move(std::get<Manifest>(parsed));
  found.documents.manifest_json = std::move(document.bytes);
  if (!found.documents.manifest.artifact)
    found.documents.config_json = TRY(fetch.config(found.documents.manifest.config));
  return found;
}

// The config of an image that was copied from one of another architecture, as builders do that only add
// files, may name that one. So it does not contradict an index, and without one it only gives a warning.
// Returns the warning, or "".
Result<std::string> CheckPlatform(const ImageConfig& config, bool by_index, const std::string& name,
                                  const Platform& host) {
  Platform image = Normalise({config.os, config.architecture, config.variant});
  if (!config.os.empty() && image.os != Normalise(host).os) {
    return Fail(Code::kNotFound, "choose platform", name,
                "the image is for " + image.ToString() + ", not for " + host.ToString());
  }
  if (by_index || IsFor(host, config.os, config.architecture)) return "";
  return name + " is for " + image.ToString() + ": on this node, " + host.ToString() +
         ", its programs need an emulator";
}

}  // namespace

Result<ResolvedImage> DescribeImage(ImageDocuments documents, const std::string& name,
                                    const Platform& platform) {
  bool artifact = documents.manifest.artifact;
  if (artifact) documents.config_json = TRY(ConfigOfArtifact(documents.manifest, documents.manifest_json));
  ImageConfig config = TRY(ParseImageConfig(documents.config_json));
  ResolvedImage image;
  image.warning = TRY(CheckPlatform(config, documents.by_index, name, platform));
  if (config.diff_ids.size() != documents.manifest.layers.size()) {
    return Fail(Code::kInvalidArgument, "read manifest", name,
                "manifest and config differ in the number of layers");
  }
  ImageRecord& record = image.record;
  record.id = artifact ? TRY(Sha256Of(documents.config_json)) : documents.manifest.config.digest;
  record.user = SummaryUser(config);
  record.chain_ids = TRY(ChainIds(config.diff_ids));
  record.size = static_cast<uint64_t>(documents.manifest.config.size);
  for (const Descriptor& layer : documents.manifest.layers) record.size += static_cast<uint64_t>(layer.size);
  record.manifest_json = std::move(documents.manifest_json);
  record.config_json = std::move(documents.config_json);
  record.indexes = std::move(documents.indexes);
  image.layers = std::move(documents.manifest.layers);
  image.diff_ids = std::move(config.diff_ids);
  return image;
}

Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform, const RootCheck& allowed) {
  PlatformImage found = TRY(FetchPlatformImage(registry, reference, platform, allowed));
  ResolvedImage image = TRY(DescribeImage(std::move(found.documents), reference.Normalised(), platform));
  image.record.repo_digests = {reference.Name() + "@" + found.root_digest};
  image.record.pulled_by_digest = !reference.digest.empty();
  if (reference.digest.empty()) image.record.repo_tags = {reference.Normalised()};
  image.root_digest = std::move(found.root_digest);
  return image;
}

}  // namespace davit::images
