// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/file_io.h"
#include "base/open_beneath.h"

namespace davit {
namespace {

// Directories open at once. Below that depth a directory is closed while its children are walked and found
// again by their "..".
constexpr size_t kOpenLevels = 32;
constexpr size_t kBufferSize = 16 << 10;

struct Entry {
  std::string name;
  unsigned char type = DT_UNKNOWN;
};

// One directory of the path from the root to where the walk is.
class Level {
 public:
  Level(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  int fd() const { return fd_.get(); }
  bool open() const { return fd_.valid(); }
  const std::string& name() const { return name_; }

  // False at the end. readdir(3) would do the same, but its stream cannot be given up and taken up again.
  Result<bool> Next(Entry& entry);

  // Gives up the descriptor and the buffer, remembering which directory this is and how far it was read.
  void Suspend();
  // Opens the parent of `child_fd` in its place; false when that is another directory now.
  bool Resume(int child_fd);

 private:
  Result<bool> Fill();

  UniqueFd fd_;
  std::string name_;
  std::unique_ptr<char[]> buffer_;
  size_t position_ = 0;
  size_t end_ = 0;
  off_t offset_ =
      0;  // where the entry after the last one begins: valid in a new descriptor too (getdents(2))
  struct stat identity_{};
};

Result<bool> Level::Fill() {
  if (!buffer_) buffer_ = std::make_unique<char[]>(kBufferSize);
  ssize_t size = getdents64(fd_.get(), buffer_.get(), kBufferSize);
  // ENOENT: the directory itself was removed, and is empty.
  if (size < 0 && errno != ENOENT) return SystemError("getdents", name_);
  position_ = 0;
  end_ = size < 0 ? 0 : static_cast<size_t>(size);
  return end_ > 0;
}

Result<bool> Level::Next(Entry& entry) {
  while (true) {
    if (position_ == end_ && !TRY(Fill())) return false;
    const auto* record = reinterpret_cast<const dirent64*>(buffer_.get() + position_);
    position_ += record->d_reclen;
    offset_ = record->d_off;
    entry.name = record->d_name;
    entry.type = record->d_type;
    if (entry.name != "." && entry.name != "..") return true;
  }
}

void Level::Suspend() {
  if (fstat(fd_.get(), &identity_) < 0) identity_ = {};
  fd_.Reset();
  buffer_.reset();
  position_ = end_ = 0;
}

bool Level::Resume(int child_fd) {
  auto parent = OpenAt(child_fd, "..", O_RDONLY | O_DIRECTORY);
  struct stat now{};
  if (!parent || fstat(parent->get(), &now) < 0) return false;
  if (now.st_dev != identity_.st_dev || now.st_ino != identity_.st_ino) return false;
  if (lseek(parent->get(), offset_, SEEK_SET) < 0) return false;
  fd_ = std::move(*parent);
  return true;
}

void Descend(std::vector<Level>& path, const std::string& name, TreeVisitor& visitor) {
  auto child = OpenBeneath(path.back().fd(), name, Resolve::kStrict, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!child) return visitor.Failed(child.error());
  if (path.size() >= kOpenLevels) path.back().Suspend();
  path.emplace_back(std::move(*child), name);
}

void Ascend(std::vector<Level>& path, TreeVisitor& visitor) {
  Level done = std::move(path.back());
  path.pop_back();
  if (path.empty()) return;
  if (path.back().open() || path.back().Resume(done.fd()))
    return visitor.Leave(path.back().fd(), done.name());
  // The directory left behind was moved elsewhere. Go on at the nearest ancestor that was never closed.
  while (!path.back().open()) path.pop_back();
}

}  // namespace

bool WalkTree(UniqueFd root, TreeVisitor& visitor) {
  std::vector<Level> path;
  path.emplace_back(std::move(root), "");
  Entry entry;
  while (!path.empty()) {
    auto more = path.back().Next(entry);
    if (!more) visitor.Failed(more.error());
    if (!more || !*more) {
      Ascend(path, visitor);
      continue;
    }
    WalkStep step = visitor.Visit(path.back().fd(), entry.name, entry.type);
    if (step == WalkStep::kStop) return false;
    if (step == WalkStep::kDescend) Descend(path, entry.name, visitor);
  }
  return true;
}

}  // namespace davit
