// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/staged_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr size_t kReadBytes = 256 << 10;

std::unexpected<Error> Reject(const std::string& path, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read archive", path, why);
}

std::string AlgorithmOf(const std::string& digest) {
  return digest.substr(0, digest.find(':'));
}

Result<> CheckDigest(const std::string& digest, const std::string& expected, const std::string& path) {
  if (digest == expected) return {};
  return Fail(Code::kDataLoss, "read archive", path, "has digest " + digest + ", not " + expected);
}

}  // namespace

// First with O_PATH: opening a device or a FIFO could do anything.
Result<StagedFiles::File> StagedFiles::Open(const std::string& path) const {
  auto found = OpenBeneath(dir_.get(), path, Resolve::kInRoot, O_PATH);
  if (!found && found.error().code == Code::kNotFound)
    return Fail(Code::kNotFound, "read archive", path, "the archive does not have it");
  UniqueFd place = TRY(std::move(found));
  struct stat status;
  if (fstat(place.get(), &status) < 0) return SystemError("fstat", path);
  if (!S_ISREG(status.st_mode)) return Reject(path, "not a regular file");
  File file;
  file.fd = TRY(OpenAt(AT_FDCWD, "/proc/self/fd/" + std::to_string(place.get()), O_RDONLY));
  file.size = status.st_size;
  file.inode = status.st_ino;
  return file;
}

Result<std::string> StagedFiles::Read(const std::string& path, size_t limit) const {
  File file = TRY(Open(path));
  if (file.size > static_cast<int64_t>(limit)) {
    return Fail(Code::kResourceExhausted, "read archive", path,
                "larger than " + std::to_string(limit) + " bytes");
  }
  return ReadFd(file.fd.get(), path, limit);
}

Result<> ReadPieces(const StagedFiles::File& file, const std::string& name, const Interrupt& interrupt,
                    const std::function<Result<>(std::string_view piece)>& take) {
  std::string buffer(kReadBytes, '\0');
  while (true) {
    TRY(interrupt.Check());
    ssize_t size = TEMP_FAILURE_RETRY(read(file.fd.get(), buffer.data(), buffer.size()));
    if (size < 0) return SystemError("read", name);
    if (size == 0) return {};
    TRY(take({buffer.data(), static_cast<size_t>(size)}));
  }
}

Result<std::string> StagedFiles::DigestOf(const std::string& path, const std::string& algorithm,
                                          const Interrupt& interrupt) const {
  File file = TRY(Open(path));
  if (auto known = KnownDigest(file, algorithm)) return std::move(*known);
  Hasher hasher = TRY(Hasher::For(algorithm + ":"));
  TRY(ReadPieces(file, path, interrupt, [&](std::string_view piece) -> Result<> {
    hasher.Update(piece);
    return {};
  }));
  std::string digest = hasher.Finish();
  RememberDigest(file, digest);
  return digest;
}

std::optional<std::string> StagedFiles::KnownDigest(const File& file, const std::string& algorithm) const {
  MutexLock lock(mutex_);
  auto known = digests_.find({file.inode, algorithm});
  return known == digests_.end() ? std::nullopt : std::optional(known->second);
}

void StagedFiles::RememberDigest(const File& file, const std::string& digest) const {
  MutexLock lock(mutex_);
  digests_[{file.inode, AlgorithmOf(digest)}] = digest;
}

Result<StagedBlobSource::Found> StagedBlobSource::Find(const Descriptor& descriptor) const {
  auto path = paths_.find(descriptor.digest);
  if (path == paths_.end())
    return Fail(Code::kNotFound, "read archive", descriptor.digest, "the archive does not have it");
  Found found{path->second, {}};
  found.file = TRY(files_.Open(path->second));
  if (found.file.size == descriptor.size) return found;
  return Fail(Code::kDataLoss, "read archive", path->second,
              "has " + std::to_string(found.file.size) + " bytes, not " + std::to_string(descriptor.size));
}

Result<> StagedBlobSource::Send(const Descriptor& descriptor, BlobSink& sink) {
  Found found = TRY(Find(descriptor));
  if (auto known = files_.KnownDigest(found.file, AlgorithmOf(descriptor.digest)))
    TRY(CheckDigest(*known, descriptor.digest, found.path));
  Hasher hasher = TRY(Hasher::For(descriptor.digest));
  TRY(sink.Begin());
  TRY(ReadPieces(found.file, found.path, interrupt_, [&](std::string_view piece) {
    hasher.Update(piece);
    return sink.Write(piece);
  }));
  std::string digest = hasher.Finish();
  files_.RememberDigest(found.file, digest);
  return CheckDigest(digest, descriptor.digest, found.path);
}

Result<StagedFiles::File> StagedBlobSource::OpenVerified(const Descriptor& descriptor) const {
  Found found = TRY(Find(descriptor));
  std::string digest = TRY(files_.DigestOf(found.path, AlgorithmOf(descriptor.digest), interrupt_));
  TRY(CheckDigest(digest, descriptor.digest, found.path));
  return std::move(found.file);
}

}  // namespace davit::images
