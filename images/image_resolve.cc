// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_resolve.h"

#include <algorithm>

#include "images/digest.h"
#include "images/image_config.h"

namespace davit::images {
namespace {

constexpr int kMaxNesting = 4;  // of indexes in indexes

constexpr int64_t kMaxConfig = 1 << 20;

struct PlatformManifest {
  ImageDocuments documents;  // without the config
  std::string root_digest;   // of what the reference itself means, which may be an index
};

std::unexpected<Error> NoSuchPlatform(const std::string& name, const Platform& host, const std::string& why) {
  return Fail(Code::kNotFound, "choose platform", name, why + " " + host.ToString());
}

Result<std::string> FetchConfig(RegistryClient& registry, const Reference& reference,
                                const Descriptor& config) {
  if (config.size > kMaxConfig) {
    return Fail(Code::kResourceExhausted, "read manifest", reference.Normalised(),
                "the config is larger than 1 MiB");
  }
  return registry.FetchDocument(config);
}

Result<PlatformManifest> FetchPlatformManifest(RegistryClient& registry, const Reference& reference,
                                               const Platform& host) {
  PlatformManifest found;
  ManifestDocument document = TRY(registry.FetchManifest(reference.Object()));
  found.root_digest = document.digest;
  for (int nesting = 0; nesting < kMaxNesting; ++nesting) {
    auto parsed = TRY(ParseManifest(document.bytes, document.media_type));
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) {
      found.documents.manifest = std::move(*manifest);
      found.documents.manifest_json = std::move(document.bytes);
      return found;
    }
    const Descriptor* entry = ChoosePlatform(std::get<Index>(parsed), host);
    if (!entry) return NoSuchPlatform(reference.Normalised(), host, "the index has no image for");
    found.documents.by_index = entry->platform.has_value();
    std::string announced_type = entry->media_type;
    document = TRY(registry.FetchManifest(entry->digest));
    document.media_type = std::move(announced_type);  // which the verified index vouches for
  }
  return Fail(Code::kInvalidArgument, "read index", reference.Normalised(), "indexes within indexes");
}

// The config of an image that was copied from one of another architecture, as builders do that only add
// files, may name that one. So it does not contradict an index, and without one it only gives a warning.
// Returns the warning, or "".
Result<std::string> CheckPlatform(const ImageConfig& config, bool by_index, const std::string& name,
                                  const Platform& host) {
  Platform image = Normalise({config.os, config.architecture, config.variant});
  if (!config.os.empty() && image.os != Normalise(host).os) {
    return NoSuchPlatform(name, host, "the image is for " + image.ToString() + ", not for");
  }
  bool runs = std::ranges::any_of(Runnable(host), [&image](const Platform& platform) {
    return platform.architecture == image.architecture;
  });
  if (runs || by_index || config.architecture.empty()) return "";
  return name + " is for " + image.ToString() + ": on this node, " + host.ToString() +
         ", its programs need an emulator";
}

}  // namespace

Result<ResolvedImage> DescribeImage(ImageDocuments documents, const std::string& name,
                                    const Platform& platform) {
  ImageConfig config = TRY(ParseImageConfig(documents.config_json));
  ResolvedImage image;
  image.warning = TRY(CheckPlatform(config, documents.by_index, name, platform));
  if (config.diff_ids.size() != documents.manifest.layers.size()) {
    return Fail(Code::kInvalidArgument, "read manifest", name,
                "manifest and config differ in the number of layers");
  }
  ImageRecord& record = image.record;
  record.id = documents.manifest.config.digest;
  record.user = SummaryUser(config);
  record.chain_ids = TRY(ChainIds(config.diff_ids));
  record.size = static_cast<uint64_t>(documents.manifest.config.size);
  for (const Descriptor& layer : documents.manifest.layers) record.size += static_cast<uint64_t>(layer.size);
  record.manifest_json = std::move(documents.manifest_json);
  record.config_json = std::move(documents.config_json);
  image.layers = std::move(documents.manifest.layers);
  image.diff_ids = std::move(config.diff_ids);
  return image;
}

Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform) {
  PlatformManifest found = TRY(FetchPlatformManifest(registry, reference, platform));
  found.documents.config_json = TRY(FetchConfig(registry, reference, found.documents.manifest.config));
  ResolvedImage image = TRY(DescribeImage(std::move(found.documents), reference.Normalised(), platform));
  image.record.repo_digests = {reference.Name() + "@" + found.root_digest};
  if (reference.digest.empty()) image.record.repo_tags = {reference.Normalised()};
  image.root_digest = std::move(found.root_digest);
  return image;
}

}  // namespace davit::images
