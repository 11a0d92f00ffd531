// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images that this node has: their records on disk, and what is looked up of them in memory.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/image_index.h"
#include "images/image_record.h"

namespace davit::images {

// Every change is durable when its call returns, and is seen by all later calls; changes happen one at a
// time. Lookups do not wait for a disk. `ref` is an id, a tag or a digest reference in any form that a user
// writes, or an unambiguous prefix of the id's digits: kNotFound if it names no image, kInvalidArgument for
// an ambiguous prefix. Where incomplete images are found as well, a listed one that `ref` names comes first.
// Thread-safe.
class ImageCatalog {
 public:
  // `records` must outlive the catalog, which alone may change them.
  explicit ImageCatalog(ImageRecords& records) : records_(records), stored_(records) {}

  // Reads the records. Images that are not whole become incomplete. Call it once, first.
  Result<> Load(const std::function<bool(const ImageSummary&)>& whole);

  // Incomplete images (ImageSummary::incomplete) have a record and use layers; only lookups of Which::kAny
  // find them. Relist, Add, Remove or Forget ends this state; Add and Tag take tags from them, too.
  std::vector<ImageSummary> Incomplete() const;
  // kNotFound if the image is not incomplete.
  Result<ImageRecord> ReadIncomplete(const std::string& id) const;
  // Makes a listed image incomplete. No-op if there is no such image.
  void SetAside(const std::string& id);
  // Lists an incomplete image again, with the names that it has now. `make_durable` as in Add. kNotFound if
  // it was removed or added meanwhile.
  Result<> Relist(const ImageRecord& image, const std::function<Result<>()>& make_durable);
  // Removes the record, if the image is still incomplete. Returns whether it did.
  Result<bool> Forget(const std::string& id);

  Result<ImageSummary> Find(const std::string& ref, Which which) const;
  // Calls `use` with the image before another thread can remove it from the catalog. `use` must not block,
  // and must not call the catalog.
  Result<ImageSummary> Find(const std::string& ref, Which which,
                            const std::function<void(const ImageSummary&)>& use) const;
  // With config and manifest, which are read from the disk.
  Result<ImageRecord> Read(const std::string& ref, Which which) const;
  Result<ImageRecord> ReadWithIndexes(const std::string& ref, Which which) const;
  std::vector<ImageSummary> List(Which which) const;  // ordered by id

  std::set<std::string> Layers() const;  // chain IDs of all images, also of incomplete ones
  bool UsesLayer(const std::string& chain_id) const;
  // The digests of the blobs of these images.
  Result<std::set<std::string>> BlobsOf(const std::vector<ImageSummary>& images) const;

  // Adds an image, or the tag and digest that `pulled` has to the image that is known or incomplete. Other
  // images lose the tag. `make_durable` has to bring those layers of the image to the disk that are not there
  // yet; it may take seconds, in which other images can be changed, and its error ends the call. Returns
  // whether anything has changed.
  Result<bool> Add(const ImageRecord& pulled, const std::function<Result<>()>& make_durable);

  // See ImageStore. Incomplete images are found as well, and stay incomplete.
  Result<> Pin(const std::string& ref);
  Result<> AddRepoDigest(const std::string& ref, const std::string& repo_digest);
  Result<TaggedImage> Tag(const std::string& ref, const std::string& tag);
  Result<TaggedImage> Untag(const std::string& tag);

  struct Removed {
    std::vector<std::string> chain_ids;
    std::set<std::string> blobs;  // empty if the image's manifest cannot be read
  };
  // Removes an image, also an incomplete one, with all its names. nullopt if `ref` names none. `allowed` may
  // refuse it; while it runs, and until the image is gone, Settle waits.
  Result<std::optional<Removed>> Remove(const std::string& ref,
                                        const std::function<Result<>(const ImageSummary&)>& allowed);
  // See ImageLookup.
  Result<> Settle(const std::string& id);

 private:
  Result<ImageSummary> FindIncomplete(const std::string& ref) const;
  Result<ImageSummary> FindLocked(const std::string& ref, Which which) const REQUIRES(mutex_);
  Result<bool> AddDurable(const ImageRecord& pulled) REQUIRES(changing_);
  // Where it belongs, with its new content.
  void Place(const ImageSummary& image) REQUIRES(mutex_);
  Result<> Apply(const ImageIndex::Change& change, const std::function<Result<>()>& put_added)
      REQUIRES(changing_);
  Result<> Retag(const ImageIndex::Change& change) REQUIRES(changing_);

  Mutex changing_;  // taken before mutex_
  ImageRecords& records_ GUARDED_BY(changing_);
  const ImageRecords& stored_;  // the same, to read them without the lock
  mutable Mutex mutex_;
  ImageIndex index_ GUARDED_BY(mutex_);
  ImageIndex incomplete_ GUARDED_BY(mutex_);  // no image and no tag is in both
};

}  // namespace davit::images
