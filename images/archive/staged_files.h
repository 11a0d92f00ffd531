// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of an archive that davit-unpack has put into a directory. All of it is hostile: names, types,
// links, contents.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "images/blob_source.h"
#include "images/interrupt.h"

namespace davit::images {

// Paths and symlinks are resolved as if the directory were the root: Docker's archives have symlinks for
// layers that are equal. Only regular files are opened, so no device and no FIFO is. Thread-safe.
class StagedFiles {
 public:
  struct File {
    UniqueFd fd;  // O_RDONLY, at the first byte
    int64_t size = 0;
    uint64_t inode = 0;
  };

  explicit StagedFiles(UniqueFd dir) : dir_(std::move(dir)) {}

  bool Has(const std::string& path) const { return Open(path).has_value(); }

  // kNotFound; kInvalidArgument for anything but a regular file.
  Result<File> Open(const std::string& path) const;

  // kResourceExhausted above `limit` bytes.
  Result<std::string> Read(const std::string& path, size_t limit) const;

  // The digest of the file, by "sha256" or "sha512". Errors as in Open, kCancelled.
  Result<std::string> DigestOf(const std::string& path, const std::string& algorithm,
                               const Interrupt& interrupt) const;

  // Digests of files that were read to their end. An archive can name one file a million times.
  std::optional<std::string> KnownDigest(const File& file, const std::string& algorithm) const;
  void RememberDigest(const File& file, const std::string& digest) const;

 private:
  const UniqueFd dir_;
  mutable Mutex mutex_;
  // By inode and algorithm.
  mutable std::map<std::pair<uint64_t, std::string>, std::string> digests_ GUARDED_BY(mutex_);
};

// The blobs among the files.
class StagedBlobSource : public BlobSource {
 public:
  // `paths` by digest. `files` and `interrupt` must outlive the source.
  StagedBlobSource(const StagedFiles& files, std::map<std::string, std::string> paths,
                   const Interrupt& interrupt)
      : files_(files), paths_(std::move(paths)), interrupt_(interrupt) {}

  // kDataLoss if the file has another size or digest.
  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override;

  // The blob's file, verified: it is read for that, unless Send has sent it before. Errors as in Send.
  Result<StagedFiles::File> OpenVerified(const Descriptor& descriptor) const;

 private:
  struct Found {
    const std::string& path;
    StagedFiles::File file;
  };
  // The blob's file, which has the right size.
  Result<Found> Find(const Descriptor& descriptor) const;

  const StagedFiles& files_;
  const std::map<std::string, std::string> paths_;
  const Interrupt& interrupt_;
};

// Reads the file to its end, piece by piece. kCancelled.
Result<> ReadPieces(const StagedFiles::File& file, const std::string& name, const Interrupt& interrupt,
                    const std::function<Result<>(std::string_view piece)>& take);

}  // namespace davit::images
