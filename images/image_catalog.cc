// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_catalog.h"

#include <algorithm>
#include <utility>

#include "images/image_blobs.h"
#include "images/image_indexes.h"
#include "images/reference.h"

namespace davit::images {
namespace {

// The normalised form of NAME[:TAG].
Result<std::string> ParseTag(const std::string& text) {
  Reference reference = TRY(ParseReference(text));
  if (reference.digest.empty()) return reference.Normalised();
  return Fail(Code::kInvalidArgument, "read tag", text, "a digest cannot be given or taken away");
}

}  // namespace

Result<> ImageCatalog::Load(const std::function<bool(const ImageSummary&)>& whole) {
  MutexLock changing_lock(changing_);
  for (ImageSummary& image : TRY(records_.All())) {
    image.incomplete = !whole(image);
    MutexLock lock(mutex_);
    Place(image);
  }
  return {};
}

std::vector<ImageSummary> ImageCatalog::Incomplete() const {
  MutexLock lock(mutex_);
  return incomplete_.List();
}

Result<ImageRecord> ImageCatalog::ReadIncomplete(const std::string& id) const {
  TRY(FindIncomplete(id));
  return stored_.Get(id);
}

Result<ImageSummary> ImageCatalog::FindIncomplete(const std::string& ref) const {
  MutexLock lock(mutex_);
  return incomplete_.Find(ref);
}

void ImageCatalog::SetAside(const std::string& id) {
  MutexLock changing_lock(changing_);
  MutexLock lock(mutex_);
  auto image = index_.Find(id);
  if (!image) return;
  image->incomplete = true;
  Place(*image);
}

void ImageCatalog::Place(const ImageSummary& image) {
  (image.incomplete ? index_ : incomplete_).Remove(image.id);
  (image.incomplete ? incomplete_ : index_).Put(image);
}

// The names, too, are those of now: they may have changed while the layers were restored.
Result<> ImageCatalog::Relist(const ImageRecord& image, const std::function<Result<>()>& make_durable) {
  TRY(make_durable());
  MutexLock changing_lock(changing_);
  ImageSummary now = TRY(FindIncomplete(image.id));
  ImageRecord record = image;
  static_cast<ImageSummary&>(record) = std::move(now);
  TRY(AddDurable(record));
  return {};
}

Result<bool> ImageCatalog::Forget(const std::string& id) {
  MutexLock changing_lock(changing_);
  if (!FindIncomplete(id)) return false;
  TRY(records_.Remove(id));
  MutexLock lock(mutex_);
  incomplete_.Remove(id);
  return true;
}

Result<ImageSummary> ImageCatalog::FindLocked(const std::string& ref, Which which) const {
  auto found = index_.Find(ref);
  bool absent = !found && found.error().code == Code::kNotFound;
  return absent && which == Which::kAny ? incomplete_.Find(ref) : found;
}

Result<ImageSummary> ImageCatalog::Find(const std::string& ref, Which which) const {
  return Find(ref, which, [](const ImageSummary&) {});
}

Result<ImageSummary> ImageCatalog::Find(const std::string& ref, Which which,
                                        const std::function<void(const ImageSummary&)>& use) const {
  MutexLock lock(mutex_);
  ImageSummary image = TRY(FindLocked(ref, which));
  use(image);
  return image;
}

Result<ImageRecord> ImageCatalog::Read(const std::string& ref, Which which) const {
  ImageSummary image = TRY(Find(ref, which));
  ImageRecord record = TRY(stored_.Get(image.id));
  record.incomplete = image.incomplete;
  return record;
}

Result<ImageRecord> ImageCatalog::ReadWithIndexes(const std::string& ref, Which which) const {
  ImageSummary image = TRY(Find(ref, which));
  ImageRecord record = TRY(stored_.GetWithIndexes(image.id));
  record.incomplete = image.incomplete;
  return record;
}

std::vector<ImageSummary> ImageCatalog::List(Which which) const {
  MutexLock lock(mutex_);
  std::vector<ImageSummary> images = index_.List();
  if (which == Which::kListed) return images;
  for (ImageSummary& image : incomplete_.List()) images.push_back(std::move(image));
  std::ranges::sort(images, {}, &ImageSummary::id);
  return images;
}

std::set<std::string> ImageCatalog::Layers() const {
  MutexLock lock(mutex_);
  std::set<std::string> layers = index_.Layers();
  layers.merge(incomplete_.Layers());
  return layers;
}

bool ImageCatalog::UsesLayer(const std::string& chain_id) const {
  MutexLock lock(mutex_);
  return index_.UsesLayer(chain_id) || incomplete_.UsesLayer(chain_id);
}

Result<std::set<std::string>> ImageCatalog::BlobsOf(const std::vector<ImageSummary>& images) const {
  return images::BlobsOf(images, stored_);
}

// Data first, then the record that says that it exists.
Result<bool> ImageCatalog::Add(const ImageRecord& pulled, const std::function<Result<>()>& make_durable) {
  TRY(make_durable());
  MutexLock changing_lock(changing_);
  return AddDurable(pulled);
}

// An image that an older release has pulled gets its indexes by the next pull.
Result<bool> ImageCatalog::AddDurable(const ImageRecord& pulled) {
  auto known = stored_.GetWithIndexes(pulled.id);
  ImageRecord record = pulled;
  record.indexes = MergeIndexes(pulled, known ? *known : pulled);
  bool same_indexes = known && known->indexes == record.indexes;
  ImageIndex::Change change;
  {
    MutexLock lock(mutex_);
    auto before = index_.Find(pulled.id);
    change = index_.Plan(incomplete_.Plan(pulled).added);
    change.added.incomplete = false;
    if (before && *before == change.added && change.untagged.empty() && same_indexes) return false;
  }
  TRY(Apply(change, [&]() REQUIRES(changing_) {
    static_cast<ImageSummary&>(record) = change.added;
    return records_.Put(record);
  }));
  return true;
}

// A crash in between loses a tag, which a pull brings back; the other order would leave one with two images.
Result<> ImageCatalog::Apply(const ImageIndex::Change& change, const std::function<Result<>()>& put_added) {
  std::vector<ImageSummary> incomplete;
  {
    MutexLock lock(mutex_);
    incomplete = incomplete_.Plan(change.added).untagged;
  }
  for (const ImageSummary& untagged : change.untagged) TRY(records_.PutSummary(untagged));
  for (const ImageSummary& untagged : incomplete) TRY(records_.PutSummary(untagged));
  auto put = put_added();
  MutexLock lock(mutex_);
  for (const ImageSummary& untagged : change.untagged) index_.Put(untagged);
  for (const ImageSummary& untagged : incomplete) incomplete_.Put(untagged);
  if (!put) return put;
  Place(change.added);
  return {};
}

Result<> ImageCatalog::Retag(const ImageIndex::Change& change) {
  return Apply(change, [&]() REQUIRES(changing_) { return records_.PutSummary(change.added); });
}

Result<> ImageCatalog::Pin(const std::string& ref) {
  MutexLock changing_lock(changing_);
  ImageSummary image = TRY(Find(ref, Which::kAny));
  if (std::exchange(image.pinned, true)) return {};
  return Retag({std::move(image), {}});
}

Result<> ImageCatalog::AddRepoDigest(const std::string& ref, const std::string& repo_digest) {
  MutexLock changing_lock(changing_);
  ImageSummary image = TRY(Find(ref, Which::kAny));
  if (std::ranges::find(image.repo_digests, repo_digest) != image.repo_digests.end()) return {};
  image.repo_digests.push_back(repo_digest);
  return Retag({std::move(image), {}});
}

Result<TaggedImage> ImageCatalog::Tag(const std::string& ref, const std::string& tag) {
  std::string name = TRY(ParseTag(tag));
  MutexLock changing_lock(changing_);
  ImageSummary image = TRY(Find(ref, Which::kAny));
  TaggedImage tagged{image.id, name};
  if (std::ranges::find(image.repo_tags, name) != image.repo_tags.end()) return tagged;
  image.repo_tags.push_back(std::move(name));
  ImageIndex::Change change;
  {
    MutexLock lock(mutex_);
    change = index_.Plan(std::move(image));
  }
  TRY(Retag(change));
  return tagged;
}

Result<TaggedImage> ImageCatalog::Untag(const std::string& tag) {
  std::string name = TRY(ParseTag(tag));
  MutexLock changing_lock(changing_);
  ImageIndex::Change change{TRY(Find(name, Which::kAny)), {}};
  std::erase(change.added.repo_tags, name);
  TRY(Retag(change));
  return TaggedImage{change.added.id, std::move(name)};
}

Result<std::optional<ImageCatalog::Removed>> ImageCatalog::Remove(
    const std::string& ref, const std::function<Result<>(const ImageSummary&)>& allowed) {
  MutexLock changing_lock(changing_);
  auto found = Find(ref, Which::kAny);
  if (!found && found.error().code == Code::kNotFound) return std::nullopt;
  ImageSummary image = TRY(std::move(found));
  TRY(allowed(image));
  Removed removed{image.chain_ids, BlobsOf({image}).value_or(std::set<std::string>())};
  TRY(records_.Remove(image.id));  // durably, before the first file is removed
  MutexLock lock(mutex_);
  index_.Remove(image.id);
  incomplete_.Remove(image.id);
  return removed;
}

Result<> ImageCatalog::Settle(const std::string& id) {
  MutexLock changing_lock(changing_);
  TRY(Find(id, Which::kListed));
  return {};
}

}  // namespace davit::images
