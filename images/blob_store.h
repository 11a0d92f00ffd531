// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Blobs on disk, named by their digests: layers, configs and manifests as registries have them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "images/digest.h"
#include "images/layer_hold.h"
#include "images/manifest.h"

namespace davit::images {

class BlobWriter;

struct BlobInfo {
  std::string digest;
  int64_t size = 0;        // bytes in the file
  bool complete = false;   // false: a partial blob, whose content nobody has verified
  int64_t changed_ns = 0;  // when it was last written to (UnixNanoseconds)
  int64_t disk_bytes = 0;  // that its file occupies
  bool in_use = false;     // it has a writer or a hold
};

struct OpenedBlob {
  UniqueFd fd;  // O_RDONLY, at the first byte
  int64_t size = 0;
};

// On disk, below a root of mode 0700:
//   sha256/<hex>, sha512/<hex>     complete blobs: size and digest were verified, and they are durable
//   partial/sha256-<hex>           the first bytes of a blob whose writer is at work, or has ended early
// A name is made of a valid digest (IsDigest) or not at all: no registry and no archive chooses a path.
//
// Nothing here removes a complete blob on its own. Owners of blobs keep records of what they need; Collect
// removes the rest. Whoever writes or finds blobs before it has a record takes a hold first:
//
//   BlobHold hold = blobs.Hold({digest});      // from here on Collect leaves it alone
//   if (!blobs.Has(digest)) { ...Begin, Write, Commit... }
//   ...write the record that names the digest...
//
// Thread-safe. Must outlive its writers and holds.
class BlobStore {
 public:
  // Who verifies the digest of what a writer writes.
  enum class Verify {
    kHere,      // the writer, as it writes; it first reads what a partial blob has
    kByCaller,  // the caller, of the same bytes, before Commit; those of a partial blob included
  };

  // `root` is an absolute path. It is created if it is missing; its parent must exist. Another process must
  // not have it open.
  static Result<std::unique_ptr<BlobStore>> Create(const std::string& root);
  ~BlobStore();

  const std::string& root() const { return root_; }
  int root_fd() const { return root_fd_.get(); }

  // False for what is not a digest.
  bool Has(const std::string& digest) const;

  // A complete blob. It can be read to its end even if it is removed meanwhile. kNotFound; kInvalidArgument
  // for what is not a digest.
  Result<OpenedBlob> Open(const std::string& digest) const;

  // Starts to write a blob, or to continue a partial one (BlobWriter::position). kAlreadyExists if it is
  // complete, kFailedPrecondition while another writer has it, kInvalidArgument for a malformed descriptor.
  Result<std::unique_ptr<BlobWriter>> Begin(const Descriptor& descriptor, Verify verify = Verify::kHere);

  // Makes a file that has the blob a complete blob, durably and without a copy. The caller has verified size
  // and digest, and nobody may write to the file any more: it becomes the store's own, with owner root, mode
  // 0600 and the present time. Other names of the file are not affected. `fd` may be O_RDONLY. False, with
  // nothing changed, if the file cannot be linked (another filesystem, or one without hard links): write a
  // copy instead. Errors as in Begin and BlobWriter::Commit.
  Result<bool> Link(const Descriptor& descriptor, int fd);

  // Both are idempotent. A partial blob that has a writer stays: it is the writer's to drop.
  Result<> Remove(const std::string& digest);
  Result<> RemovePartial(const std::string& digest);

  // Complete and partial blobs, in no particular order.
  Result<std::vector<BlobInfo>> List() const;

  // Bytes on disk of all blobs, partial ones included.
  Result<int64_t> BytesUsed() const;

  // Keeps complete blobs from Collect. They need not exist yet.
  BlobHold Hold(std::vector<std::string> digests);

  // Mark and sweep: removes all blobs that are complete when it begins, that `live` does not name and that
  // nobody has held since. Holds do not wait for it, however long the listing or `live` takes. If `live`
  // fails, nothing is removed.
  Result<> Collect(const std::function<Result<std::set<std::string>>()>& live);

 private:
  friend class BlobWriter;
  BlobStore(std::string root, UniqueFd root_fd) : root_(std::move(root)), root_fd_(std::move(root_fd)) {}

  // From here on no other writer may have the blob, until EndWriter.
  Result<> Reserve(const Descriptor& descriptor);
  Result<UniqueFd> OpenPartial(const Descriptor& descriptor);
  Result<> RemoveUnlessHeld(const std::string& digest);
  void WatchHolds();
  void UnwatchHolds();
  Result<bool> LinkReserved(const std::string& digest, int fd);
  // Makes the partial blob `digest`, whose data is durable, complete; durably.
  Result<> Publish(const std::string& digest);
  // The writer of `digest` has ended.
  void EndWriter(const std::string& digest);
  std::string Describe(const std::string& digest) const;

  const std::string root_;
  const UniqueFd root_fd_;
  mutable Mutex mutex_;
  std::set<std::string> writing_ GUARDED_BY(mutex_);     // digests
  std::multiset<std::string> holds_ GUARDED_BY(mutex_);  // digests

  Mutex collecting_;  // taken before mutex_
  // While a collection runs: all digests that were held at any time since it began. A blob whose hold has
  // ended may be named by a record that `live` did not see.
  std::optional<std::set<std::string>> held_since_ GUARDED_BY(mutex_);
};

// Writes one blob. The destructor keeps what was written as a partial blob, unless Commit or Abandon was
// called. Not thread-safe.
class BlobWriter {
 public:
  enum class Partial { kKeep, kDrop };

  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  // Bytes of the blob that the file has: the next Write appends there.
  int64_t position() const { return position_; }

  // Reads bytes before position(), at most `size` from `offset` on.
  Result<std::string> Read(int64_t offset, size_t size) const;

  // kDataLoss beyond the size of the descriptor; kResourceExhausted for a full disk. After an error, Commit
  // fails, and position() tells what the file has.
  Result<> Write(std::string_view piece);

  // Drops what the file has; the next byte is the first one.
  Result<> Restart();

  // Verifies size and digest, makes file and name durable (fsync(2), twice) and the blob complete. A blob
  // with the wrong digest is dropped. kDataLoss; after any error the blob is not complete.
  Result<> Commit();

  void Abandon(Partial partial);

 private:
  friend class BlobStore;
  BlobWriter(BlobStore& store, const Descriptor& descriptor, UniqueFd fd)
      : store_(store), digest_(descriptor.digest), size_(descriptor.size), fd_(std::move(fd)) {}

  Result<> TakeUpPartial(BlobStore::Verify verify);
  Result<> StartHashing();
  Result<> CheckContent();

  BlobStore& store_;
  const std::string digest_;
  const int64_t size_;
  UniqueFd fd_;  // invalid once the writer has ended
  int64_t position_ = 0;
  bool failed_ = false;
  bool hashes_ = false;
  std::optional<Hasher> hasher_;  // of the bytes before position_
};

}  // namespace davit::images
