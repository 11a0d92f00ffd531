// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_resolve.h"

#include <algorithm>

#include "images/digest.h"
#include "images/image_config.h"

namespace davit::images {
namespace {

constexpr int kMaxNesting = 4;  // of indexes in indexes

// What registries accept at most (CNCF Distribution: 4 MiB for a manifest); configs of images are shorter.
constexpr size_t kMaxManifest = 4 << 20;
constexpr int64_t kMaxConfig = 1 << 20;

struct PlatformManifest {
  Manifest manifest;
  std::string bytes;
  std::string root_digest;  // of what the reference itself means, which may be an index
  bool by_index = false;    // an index says that it is for the wanted platform
};

std::unexpected<Error> NoSuchPlatform(const Reference& reference, const Platform& host,
                                      const std::string& why) {
  return Fail(Code::kNotFound, "choose platform", reference.Normalised(), why + " " + host.ToString());
}

std::unexpected<Error> TooLarge(const Reference& reference, const std::string& what) {
  return Fail(Code::kResourceExhausted, "read manifest", reference.Normalised(), what);
}

Result<ManifestDocument> FetchManifest(RegistryClient& registry, const Reference& reference,
                                       const std::string& tag_or_digest) {
  ManifestDocument document = TRY(registry.FetchManifest(tag_or_digest));
  if (document.bytes.size() > kMaxManifest) return TooLarge(reference, "the manifest is larger than 4 MiB");
  return document;
}

Result<std::string> FetchConfig(RegistryClient& registry, const Reference& reference,
                                const Descriptor& config) {
  if (config.size > kMaxConfig) return TooLarge(reference, "the config is larger than 1 MiB");
  return registry.FetchDocument(config);
}

Result<PlatformManifest> FetchPlatformManifest(RegistryClient& registry, const Reference& reference,
                                               const Platform& host) {
  PlatformManifest found;
  ManifestDocument document = TRY(FetchManifest(registry, reference, reference.Object()));
  found.root_digest = document.digest;
  for (int nesting = 0; nesting < kMaxNesting; ++nesting) {
    auto parsed = TRY(ParseManifest(document.bytes, document.media_type));
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) {
      found.manifest = std::move(*manifest);
      found.bytes = std::move(document.bytes);
      return found;
    }
    const Descriptor* entry = ChoosePlatform(std::get<Index>(parsed), host);
    if (!entry) return NoSuchPlatform(reference, host, "the index has no image for");
    found.by_index = entry->platform.has_value();
    std::string announced_type = entry->media_type;
    document = TRY(FetchManifest(registry, reference, entry->digest));
    document.media_type = std::move(announced_type);  // which the verified index vouches for
  }
  return Fail(Code::kInvalidArgument, "read index", reference.Normalised(), "indexes within indexes");
}

// The config of an image that was copied from one of another architecture, as builders do that only add
// files, may name that one. So it does not contradict an index, and without one it only gives a warning.
// Returns the warning, or "".
Result<std::string> CheckPlatform(const ImageConfig& config, bool by_index, const Reference& reference,
                                  const Platform& host) {
  Platform image = Normalise({config.os, config.architecture, config.variant});
  if (!config.os.empty() && image.os != Normalise(host).os) {
    return NoSuchPlatform(reference, host, "the image is for " + image.ToString() + ", not for");
  }
  bool runs = std::ranges::any_of(Runnable(host), [&image](const Platform& platform) {
    return platform.architecture == image.architecture;
  });
  if (runs || by_index || config.architecture.empty()) return "";
  return reference.Normalised() + " is for " + image.ToString() + ": on this node, " + host.ToString() +
         ", its programs need an emulator";
}

}  // namespace

Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform) {
  PlatformManifest found = TRY(FetchPlatformManifest(registry, reference, platform));
  ResolvedImage image;
  ImageRecord& record = image.record;
  record.config_json = TRY(FetchConfig(registry, reference, found.manifest.config));
  ImageConfig config = TRY(ParseImageConfig(record.config_json));
  image.warning = TRY(CheckPlatform(config, found.by_index, reference, platform));
  if (config.diff_ids.size() != found.manifest.layers.size()) {
    return Fail(Code::kInvalidArgument, "read manifest", reference.Normalised(),
                "manifest and config differ in the number of layers");
  }
  record.id = found.manifest.config.digest;
  record.user = SummaryUser(config);
  record.chain_ids = TRY(ChainIds(config.diff_ids));
  record.manifest_json = std::move(found.bytes);
  record.repo_digests = {reference.Name() + "@" + found.root_digest};
  if (reference.digest.empty()) record.repo_tags = {reference.Normalised()};
  record.size = static_cast<uint64_t>(found.manifest.config.size);
  for (const Descriptor& layer : found.manifest.layers) record.size += static_cast<uint64_t>(layer.size);
  image.layers = std::move(found.manifest.layers);
  image.diff_ids = std::move(config.diff_ids);
  return image;
}

}  // namespace davit::images
