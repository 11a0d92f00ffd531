// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/manifest_search.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "images/image_config.h"

namespace davit::images {
namespace {

// More could not be fetched, and indexes nest.
std::vector<Descriptor> FirstEntries(const Index& index, const Platform& host) {
  std::vector<Descriptor> entries;
  for (const Descriptor* entry : PlatformEntries(index, host)) {
    if (entries.size() == kMostSearchedDocuments) break;
    entries.push_back(*entry);
  }
  return entries;
}

bool MeansNoImage(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kInvalidArgument;
}

class Search {
 public:
  Search(const Platform& host, const DocumentFetch& fetch, const std::string& name)
      : host_(host), fetch_(fetch), name_(name) {}

  Result<ImageDocuments> Run(const Index& index, IndexDocument root) {
    auto found = TRY(Below(std::move(root), FirstEntries(index, host_), /*by_index=*/false));
    if (found) return std::move(*found);
    if (foreign_) return std::move(*foreign_);
    if (artifact_) return std::move(*artifact_);
    if (skipped_) return std::unexpected(std::move(*skipped_));
    return Fail(Code::kNotFound, "choose platform", name_, "the index has no image for " + host_.ToString());
  }

 private:
  using Found = std::optional<ImageDocuments>;

  // In memory are only those documents of the path that can stay with the image.
  Result<Found> Below(IndexDocument index, const std::vector<Descriptor>& entries, bool by_index) {
    size_t bytes = index.json.size();
    path_bytes_ += bytes;
    if (path_bytes_ > kMostIndexBytes) index = IndexDocument();
    path_.push_back(std::move(index));
    auto found = Among(entries, by_index);
    path_.pop_back();
    path_bytes_ -= bytes;
    return found;
  }

  Result<Found> Among(const std::vector<Descriptor>& entries, bool by_index) {
    for (const Descriptor& entry : entries) {
      auto found = At(entry, by_index || entry.platform);
      bool skip = !found && !entry.platform && MeansNoImage(found.error());
      if (!skip && (!found || *found)) return found;
      if (skip && !skipped_) skipped_ = std::move(found).error();
    }
    return Found();
  }

  Result<Found> At(const Descriptor& entry, bool by_index) {
    TRY(Count());
    std::string json = TRY(fetch_.manifest(entry));
    auto parsed = TRY(ParseManifest(json, entry.media_type));
    if (Manifest* manifest = std::get_if<Manifest>(&parsed))
      return Take({std::move(*manifest), std::move(json), "", by_index});
    std::vector<Descriptor> entries = FirstEntries(std::get<Index>(parsed), host_);
    parsed = Index();
    return Below({entry.digest, std::move(json)}, entries, by_index);
  }

  Result<Found> Take(ImageDocuments image) {
    if (path_bytes_ <= kMostIndexBytes) image.indexes = path_;
    if (image.manifest.artifact) {
      if (image.by_index) return image;
      if (!artifact_) artifact_ = std::move(image);
      return Found();
    }
    TRY(Count());
    image.config_json = TRY(fetch_.config(image.manifest.config));
    ImageConfig config = TRY(ParseImageConfig(image.config_json));
    if (image.by_index || IsFor(host_, config.os, config.architecture)) return image;
    if (!foreign_) foreign_ = std::move(image);
    return Found();
  }

  Result<> Count() {
    if (documents_++ < kMostSearchedDocuments) return {};
    return Fail(Code::kResourceExhausted, "choose platform", name_,
                "no image for " + host_.ToString() + " is among the first " +
                    std::to_string(kMostSearchedDocuments) + " documents of the index");
  }

  const Platform& host_;
  const DocumentFetch& fetch_;
  const std::string& name_;
  int documents_ = 0;
  std::vector<IndexDocument> path_;  // the indexes that are searched, the outermost first
  size_t path_bytes_ = 0;            // of all of them
  Found foreign_;                    // the first image that needs an emulator
  Found artifact_;                   // the first one
  std::optional<Error> skipped_;     // the first
};

}  // namespace

bool IsFor(const Platform& host, const std::string& os, const std::string& architecture) {
  Platform image = Normalise({os, architecture, ""});
  bool same_os = os.empty() || image.os == Normalise(host).os;
  bool runs = std::ranges::any_of(Runnable(host), [&image](const Platform& platform) {
    return platform.architecture == image.architecture;
  });
  return same_os && (runs || architecture.empty());
}

Result<ImageDocuments> FindImage(const Index& index, IndexDocument root, const Platform& host,
                                 const DocumentFetch& fetch, const std::string& name) {
  return Search(host, fetch, name).Run(index, std::move(root));
}

}  // namespace davit::images
