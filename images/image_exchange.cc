// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_exchange.h"

#include <algorithm>
#include <set>
#include <utility>

#include "images/image_blobs.h"
#include "images/reference.h"

namespace davit::images {
namespace {

// The tag or digest reference by which `name` means the image; nullopt if it is an id.
std::optional<std::string> NameIn(const std::string& name, const ImageSummary& image) {
  auto reference = ParseReference(name);
  if (!reference) return std::nullopt;
  const auto& names = reference->digest.empty() ? image.repo_tags : image.repo_digests;
  bool known = std::ranges::find(names, reference->Normalised()) != names.end();
  return known ? std::optional(reference->Normalised()) : std::nullopt;
}

void AddOnce(std::vector<std::string>& names, std::string name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

}  // namespace

Result<BlobHold> ImageExchange::Hold(const ImageRecord& image) const {
  std::set<std::string> digests = TRY(BlobsOf(image));
  return context_.blobs.Hold({digests.begin(), digests.end()});
}

std::vector<std::string> ImageExchange::OriginsOf(const ImageRecord& image) const {
  constexpr size_t kMost = 16;  // each one may cost requests
  std::vector<std::string> origins;
  if (image.chain_ids.empty()) return origins;
  for (const ImageSummary& other : context_.images.List(Which::kAny)) {
    bool related = !other.chain_ids.empty() && other.chain_ids.front() == image.chain_ids.front();
    if (!related || other.id == image.id) continue;
    for (const std::string& repo_digest : other.repo_digests)
      if (origins.size() < kMost) AddOnce(origins, repo_digest);
  }
  return origins;
}

Result<ImageExchange::Pushed> ImageExchange::PushImage(const Push& push, const Interrupt& interrupt,
                                                       TransferProgress& progress) const {
  ImageRecord image = TRY(context_.images.ReadWithIndexes(push.image));
  PushRequest request{TRY(ParseReference(push.target.empty() ? push.image : push.target)), push.auth,
                      push.source_auths};
  request.origins = OriginsOf(image);
  BlobHold hold = TRY(Hold(image));
  ImagePusher::Config config;
  config.transfer = context_.images.transfers();
  Pushed pushed;
  static_cast<PushedImage&>(pushed) =
      TRY(ImagePusher(std::move(config), &context_.blobs).Push(image, request, interrupt, progress));
  pushed.reference = request.target.Normalised();
  auto recorded = context_.images.AddRepoDigest(image.id, request.target.Name() + "@" + pushed.digest);
  bool removed = !recorded && recorded.error().code == Code::kNotFound;  // meanwhile; the registry has it
  if (!recorded && !removed) return std::unexpected(Within("push " + pushed.reference, recorded.error()));
  return pushed;
}

Result<std::vector<ImageToSave>> ImageExchange::Find(const std::vector<std::string>& images) const {
  if (images.empty()) return Fail(Code::kInvalidArgument, "save", "", "no image is named");
  std::vector<ImageToSave> found;
  size_t bytes = 0;
  for (const std::string& name : images) {
    ImageSummary summary = TRY(context_.images.Find(name, Which::kAny));
    auto known =
        std::ranges::find_if(found, [&](const ImageToSave& other) { return other.image.id == summary.id; });
    if (known == found.end()) {
      known = found.insert(found.end(), ImageToSave{TRY(context_.images.ReadWithIndexes(summary.id)), {}});
      bytes += known->image.DocumentBytes();
      known->origins = OriginsOf(known->image);
    }
    if (auto known_as = NameIn(name, summary)) AddOnce(known->names, std::move(*known_as));
    if (found.size() > kMostSavedImages || bytes > kMostDocumentBytes)
      return Fail(Code::kResourceExhausted, "save", name, "too many images for one archive");
  }
  return found;
}

Result<> ImageExchange::Save(const std::vector<std::string>& images,
                             const std::vector<RegistryAuth>& source_auths, ByteSink& sink,
                             const Interrupt& interrupt) const {
  std::vector<ImageToSave> found = TRY(Find(images));
  std::vector<BlobHold> holds;
  for (const ImageToSave& image : found) holds.push_back(TRY(Hold(image.image)));
  return ImageSaver(context_.images.transfers(), &context_.blobs).Save(found, source_auths, sink, interrupt);
}

}  // namespace davit::images
