// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/blob_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/file_time.h"
#include "base/rollback.h"

namespace davit::images {
namespace {

constexpr char kPartial[] = "partial";
constexpr std::array kAlgorithms = {"sha256", "sha512"};
constexpr size_t kReadAtOnce = 1 << 20;

Result<> CheckDigest(const std::string& digest) {
  if (IsDigest(digest)) return {};
  return Fail(Code::kInvalidArgument, "blob", digest, "not a digest");
}

// Paths below the root: the digest with '/' (complete) or '-' (partial) in place of the colon.
std::string CompletePath(std::string digest) {
  digest[digest.find(':')] = '/';
  return digest;
}
std::string PartialPath(std::string digest) {
  digest[digest.find(':')] = '-';
  return std::string(kPartial) + "/" + digest;
}

// The digest in the name of a partial blob; not valid for a file that is none.
std::string PartialDigest(std::string name) {
  if (size_t dash = name.find('-'); dash != std::string::npos) name[dash] = ':';
  return name;
}

// Adds the blob in the file `name` of `dir_fd`, unless it was removed or is no file of a blob.
void AddInfo(int dir_fd, const std::string& name, std::string digest, bool complete,
             std::vector<BlobInfo>& infos) {
  struct stat status;
  if (!IsDigest(digest) || fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return;
  if (!S_ISREG(status.st_mode)) return;
  infos.push_back({std::move(digest), status.st_size, complete, ToNanoseconds(status.st_mtim),
                   status.st_blocks * int64_t{512}});
}

Result<> Unlink(int dir_fd, const std::string& path, const std::string& subject) {
  if (unlinkat(dir_fd, path.c_str(), 0) < 0 && errno != ENOENT) return SystemError("unlink", subject);
  return {};
}

}  // namespace

Result<std::unique_ptr<BlobStore>> BlobStore::Create(const std::string& root) {
  UniqueFd root_fd = TRY(OpenPrivateDirectory(AT_FDCWD, root));
  TRY(OpenPrivateDirectory(root_fd.get(), kPartial));
  for (const char* algorithm : kAlgorithms) TRY(OpenPrivateDirectory(root_fd.get(), algorithm));
  return std::unique_ptr<BlobStore>(new BlobStore(root, std::move(root_fd)));
}

BlobStore::~BlobStore() = default;

std::string BlobStore::Describe(const std::string& digest) const {
  return digest + " in " + root_;
}

bool BlobStore::Has(const std::string& digest) const {
  return IsDigest(digest) && faccessat(root_fd_.get(), CompletePath(digest).c_str(), F_OK, 0) == 0;
}

Result<OpenedBlob> BlobStore::Open(const std::string& digest) const {
  TRY(CheckDigest(digest));
  auto fd = OpenAt(root_fd_.get(), CompletePath(digest), O_RDONLY | O_NOFOLLOW);
  if (!fd && fd.error().os_errno == ENOENT)
    return Fail(Code::kNotFound, "open blob", digest, "there is no such blob");
  OpenedBlob blob;
  blob.fd = TRY(std::move(fd));
  struct stat status;
  if (fstat(blob.fd.get(), &status) < 0) return SystemError("fstat blob", Describe(digest));
  blob.size = status.st_size;
  return blob;
}

Result<> BlobStore::Reserve(const Descriptor& descriptor) {
  TRY(CheckDigest(descriptor.digest));
  if (descriptor.size < 0) return Fail(Code::kInvalidArgument, "blob", descriptor.digest, "negative size");
  MutexLock lock(mutex_);
  if (writing_.insert(descriptor.digest).second) return {};
  return Fail(Code::kFailedPrecondition, "write blob", descriptor.digest, "another writer has it");
}

Result<std::unique_ptr<BlobWriter>> BlobStore::Begin(const Descriptor& descriptor, Verify verify) {
  TRY(Reserve(descriptor));
  auto fd = OpenPartial(descriptor);
  if (!fd) {
    EndWriter(descriptor.digest);
    return std::unexpected(std::move(fd).error());
  }
  std::unique_ptr<BlobWriter> writer(new BlobWriter(*this, descriptor, std::move(*fd)));
  TRY(writer->TakeUpPartial(verify));
  return writer;
}

// Only its writer makes a blob complete, so the answer holds until the writer ends.
Result<UniqueFd> BlobStore::OpenPartial(const Descriptor& descriptor) {
  const std::string& digest = descriptor.digest;
  if (Has(digest)) return Fail(Code::kAlreadyExists, "write blob", digest, "it is complete");
  UniqueFd fd(
      openat(root_fd_.get(), PartialPath(digest).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return SystemError("create blob", Describe(digest));
  return fd;
}

void BlobStore::EndWriter(const std::string& digest) {
  MutexLock lock(mutex_);
  writing_.erase(digest);
}

Result<bool> BlobStore::Link(const Descriptor& descriptor, int fd) {
  TRY(Reserve(descriptor));
  auto linked = LinkReserved(descriptor.digest, fd);
  if (!linked) std::ignore = Unlink(root_fd_.get(), PartialPath(descriptor.digest), descriptor.digest);
  EndWriter(descriptor.digest);
  return linked;
}

// The partial name first: Publish makes the complete one durable. The owner is changed before the mode,
// because that clears set-user-ID bits (chown(2)).
Result<bool> BlobStore::LinkReserved(const std::string& digest, int fd) {
  if (Has(digest)) return Fail(Code::kAlreadyExists, "write blob", digest, "it is complete");
  std::string partial = PartialPath(digest);
  TRY(Unlink(root_fd_.get(), partial, Describe(digest)));
  std::string file = "/proc/self/fd/" + std::to_string(fd);
  if (linkat(AT_FDCWD, file.c_str(), root_fd_.get(), partial.c_str(), AT_SYMLINK_FOLLOW) < 0) {
    if (errno == EXDEV || errno == EPERM || errno == EMLINK) return false;
    return SystemError("link blob", Describe(digest));
  }
  if (fchown(fd, 0, 0) < 0) return SystemError("fchown blob", Describe(digest));
  if (fchmod(fd, 0600) < 0) return SystemError("fchmod blob", Describe(digest));
  if (futimens(fd, nullptr) < 0) return SystemError("futimens blob", Describe(digest));
  if (fsync(fd) < 0) return SystemError("fsync blob", Describe(digest));
  TRY(Publish(digest));
  return true;
}

Result<> BlobStore::Publish(const std::string& digest) {
  std::string path = CompletePath(digest);
  std::string directory = path.substr(0, path.find('/'));
  UniqueFd directory_fd = TRY(OpenAt(root_fd_.get(), directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (renameat(root_fd_.get(), PartialPath(digest).c_str(), root_fd_.get(), path.c_str()) < 0)
    return SystemError("rename blob", Describe(digest));
  if (fsync(directory_fd.get()) == 0) return {};
  auto error = SystemError("fsync directory of blob", Describe(digest));
  std::ignore = Remove(digest);
  return error;
}

Result<> BlobStore::Remove(const std::string& digest) {
  TRY(CheckDigest(digest));
  return Unlink(root_fd_.get(), CompletePath(digest), Describe(digest));
}

Result<> BlobStore::RemovePartial(const std::string& digest) {
  TRY(CheckDigest(digest));
  MutexLock lock(mutex_);
  if (writing_.contains(digest)) return {};
  return Unlink(root_fd_.get(), PartialPath(digest), Describe(digest));
}

Result<std::vector<BlobInfo>> BlobStore::List() const {
  std::vector<BlobInfo> infos;
  for (const char* algorithm : kAlgorithms) {
    UniqueFd directory = TRY(OpenDirectory(root_fd_.get(), algorithm));
    for (const std::string& name : TRY(ListDirectory(directory.get())))
      AddInfo(directory.get(), name, std::string(algorithm) + ":" + name, /*complete=*/true, infos);
  }
  UniqueFd directory = TRY(OpenDirectory(root_fd_.get(), kPartial));
  for (const std::string& name : TRY(ListDirectory(directory.get())))
    AddInfo(directory.get(), name, PartialDigest(name), /*complete=*/false, infos);
  MutexLock lock(mutex_);
  for (BlobInfo& blob : infos) blob.in_use = writing_.contains(blob.digest) || holds_.contains(blob.digest);
  return infos;
}

Result<int64_t> BlobStore::BytesUsed() const {
  int64_t bytes = 0;
  for (const BlobInfo& blob : TRY(List())) bytes += blob.disk_bytes;
  return bytes;
}

BlobHold BlobStore::Hold(std::vector<std::string> digests) {
  MutexLock lock(mutex_);
  holds_.insert(digests.begin(), digests.end());
  if (held_since_) held_since_->insert(digests.begin(), digests.end());
  return BlobHold([this, digests = std::move(digests)] {
    MutexLock release_lock(mutex_);
    for (const std::string& digest : digests) holds_.erase(holds_.find(digest));
  });
}

void BlobStore::WatchHolds() {
  MutexLock lock(mutex_);
  held_since_.emplace(holds_.begin(), holds_.end());
}

void BlobStore::UnwatchHolds() {
  MutexLock lock(mutex_);
  held_since_.reset();
}

// The blobs are listed before `live` is called: a blob that appears later has a hold, or a record that `live`
// does not know.
Result<> BlobStore::Collect(const std::function<Result<std::set<std::string>>()>& live) {
  MutexLock one_at_a_time(collecting_);
  WatchHolds();
  Rollback unwatch;
  unwatch.Add([this] { UnwatchHolds(); });
  std::vector<BlobInfo> blobs = TRY(List());
  std::set<std::string> named = TRY(live());
  Result<> collected;
  for (const BlobInfo& blob : blobs) {
    if (!blob.complete || named.contains(blob.digest)) continue;
    Result<> removed = RemoveUnlessHeld(blob.digest);
    if (!removed && collected) collected = std::move(removed);
  }
  return collected;
}

// The name goes under the lock. The open descriptor keeps the content, whose removal takes long if it is
// large, until the lock is free.
Result<> BlobStore::RemoveUnlessHeld(const std::string& digest) {
  UniqueFd content(openat(root_fd_.get(), CompletePath(digest).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  MutexLock lock(mutex_);
  return held_since_->contains(digest) ? Result<>() : Remove(digest);
}

BlobWriter::~BlobWriter() {
  Abandon(Partial::kKeep);
}

void BlobWriter::Abandon(Partial partial) {
  if (!fd_) return;
  bool drop = partial == Partial::kDrop || position_ == 0;
  if (drop) std::ignore = Unlink(store_.root_fd_.get(), PartialPath(digest_), digest_);
  fd_.Reset();
  store_.EndWriter(digest_);
}

Result<> BlobWriter::TakeUpPartial(BlobStore::Verify verify) {
  hashes_ = verify == BlobStore::Verify::kHere;
  struct stat status;
  if (fstat(fd_.get(), &status) < 0) return SystemError("fstat blob", store_.Describe(digest_));
  if (status.st_size > size_) return Restart();
  position_ = status.st_size;
  return StartHashing();
}

Result<> BlobWriter::StartHashing() {
  hasher_.reset();
  if (!hashes_) return {};
  hasher_ = TRY(Hasher::For(digest_));
  for (int64_t offset = 0; offset < position_;) {
    std::string piece = TRY(Read(offset, kReadAtOnce));
    hasher_->Update(piece);
    offset += static_cast<int64_t>(piece.size());
  }
  return {};
}

Result<std::string> BlobWriter::Read(int64_t offset, size_t size) const {
  std::string piece(std::min(size, static_cast<size_t>(std::max<int64_t>(position_ - offset, 0))), '\0');
  for (size_t done = 0; done < piece.size();) {
    ssize_t got =
        pread(fd_.get(), piece.data() + done, piece.size() - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read blob", store_.Describe(digest_));
    if (got == 0) return Fail(Code::kDataLoss, "read blob", store_.Describe(digest_), "ended early");
    done += static_cast<size_t>(got);
  }
  return piece;
}

Result<> BlobWriter::Write(std::string_view piece) {
  if (static_cast<int64_t>(piece.size()) > size_ - position_) {
    failed_ = true;
    return Fail(Code::kDataLoss, "write blob", digest_, "longer than " + std::to_string(size_) + " bytes");
  }
  while (!piece.empty()) {
    ssize_t written = pwrite(fd_.get(), piece.data(), piece.size(), position_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failed_ = true;
      return SystemError("write blob", store_.Describe(digest_));
    }
    if (hasher_) hasher_->Update(piece.substr(0, static_cast<size_t>(written)));
    position_ += written;
    piece.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<> BlobWriter::Restart() {
  if (ftruncate(fd_.get(), 0) < 0) return SystemError("truncate blob", store_.Describe(digest_));
  position_ = 0;
  failed_ = false;
  return StartHashing();
}

Result<> BlobWriter::CheckContent() {
  if (failed_) return Fail(Code::kFailedPrecondition, "commit blob", digest_, "a write has failed");
  if (position_ != size_) {
    return Fail(Code::kDataLoss, "commit blob", digest_,
                "has " + std::to_string(position_) + " of " + std::to_string(size_) + " bytes");
  }
  if (!hasher_) return {};
  std::string digest = hasher_->Finish();
  hasher_.reset();
  if (digest == digest_) return {};
  Abandon(Partial::kDrop);
  return Fail(Code::kDataLoss, "commit blob", digest_, "has digest " + digest);
}

// After a failed fsync(2) the kernel may have dropped the pages: the content is not to be trusted.
Result<> BlobWriter::Commit() {
  TRY(CheckContent());
  Result<> durable;
  if (fsync(fd_.get()) < 0) durable = SystemError("fsync blob", store_.Describe(digest_));
  if (durable) durable = store_.Publish(digest_);
  Abandon(durable ? Partial::kKeep : Partial::kDrop);
  return durable;
}

}  // namespace davit::images
