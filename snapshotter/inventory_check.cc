// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "snapshotter/inventory.h"
#include "snapshotter/inventory_file.h"

namespace davit::snapshotter {
namespace {

constexpr size_t kReadBytes = 1 << 20;
using Kind = InventoryItem::Kind;

Result<uint64_t> CountEntries(int dir_fd) {
  UniqueFd again = TRY(OpenAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(again.get()), closedir);
  if (!stream) return SystemError("fdopendir", "");
  again.Release();
  uint64_t count = 0;
  errno = 0;
  while (readdir(stream.get()) != nullptr) ++count;
  if (errno != 0) return SystemError("readdir", "");
  return count - 2;  // "." and ".."
}

// Follows the items of the inventory through the tree. The directory that the items are in is open; after
// its end its parent is opened again by its path, so that the depth of a tree costs no descriptors.
class Comparison {
 public:
  Comparison(int tree_fd, InventoryReader& file, CheckDepth depth, const std::function<bool()>& wanted)
      : tree_fd_(tree_fd), file_(file), depth_(depth), wanted_(wanted) {}

  Result<LayerCheck> Run() {
    for (InventoryItem item = TRY(file_.Next()); item.kind != Kind::kEnd; item = TRY(file_.Next())) {
      TRY(CheckWanted());
      if (item.kind == Kind::kEntry)
        TRY(Compare(item));
      else
        Leave();
    }
    // The root has no kLeave.
    if (levels_.size() != 1) return Fail(Code::kDataLoss, "read", "inventory", "directories do not end");
    CheckCount();
    return std::move(check_);
  }

 private:
  struct Level {
    size_t path_size = 0;   // of the parent's path
    uint64_t recorded = 0;  // entries
    bool open = false;      // the directory is there
  };

  Result<> CheckWanted() const {
    return wanted_() ? Result<>() : Fail(Code::kCancelled, "check", "layer", "cancelled");
  }

  void AddProblem(const std::string& name, const std::string& what) {
    ++check_.problems;
    if (check_.examples.size() == LayerCheck::kMostExamples) return;
    std::string path = path_.empty() || name.empty() ? path_ + name : path_ + "/" + name;
    check_.examples.push_back((path.empty() ? "/" : path) + ": " + what);
  }

  Result<> Compare(const InventoryItem& item) {
    bool root = levels_.empty();
    if (root != (item.name == ".")) return Fail(Code::kDataLoss, "read", "inventory", "no root");
    int dir_fd = root ? tree_fd_ : dir_.get();
    if (!root) ++levels_.back().recorded;
    bool there = (root || levels_.back().open) && TRY(CompareEntry(dir_fd, item));
    if (S_ISDIR(item.mode)) Enter(dir_fd, item.name, there);
    return {};
  }

  // Returns whether there is an entry of the recorded type.
  Result<bool> CompareEntry(int dir_fd, const InventoryItem& item) {
    ++check_.entries;
    std::string name = item.name == "." ? "" : item.name;
    struct statx stat{};
    if (statx(dir_fd, item.name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stat) <
        0) {
      AddProblem(name, errno == ENOENT ? "is missing" : SystemError("statx", "").error().ToString());
      return false;
    }
    auto found = DescribeEntry(dir_fd, item.name, stat);
    std::string difference = found ? Difference(item, *found) : found.error().ToString();
    bool read = difference.empty() && depth_ == CheckDepth::kContents && S_ISREG(item.mode) && item.content;
    if (read) difference = TRY(CompareContent(dir_fd, item));
    if (!difference.empty()) AddProblem(name, difference);
    return (stat.stx_mode & S_IFMT) == (item.mode & S_IFMT);
  }

  Result<std::string> CompareContent(int dir_fd, const InventoryItem& item) {
    auto fd = OpenAt(dir_fd, item.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd) return fd.error().ToString();
    Checksum checksum;
    buffer_.resize(kReadBytes);
    while (true) {
      TRY(CheckWanted());
      ssize_t size = TEMP_FAILURE_RETRY(read(fd->get(), buffer_.data(), buffer_.size()));
      if (size < 0) return SystemError("read", item.name).error().ToString();
      if (size == 0) break;
      check_.bytes += static_cast<uint64_t>(size);
      checksum.Update(std::string_view(buffer_).substr(0, static_cast<size_t>(size)));
    }
    return checksum.value() == *item.content ? "" : "has other content";
  }

  void Enter(int dir_fd, const std::string& name, bool there) {
    levels_.push_back({path_.size(), 0, there});
    if (name != ".") path_ += (path_.empty() ? "" : "/") + name;
    if (!there) return;
    auto entered = OpenAt(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    Take(std::move(entered));
  }

  void Leave() {
    CheckCount();
    if (levels_.size() < 2) return levels_.clear();  // more ends than directories: Run reports it
    path_.resize(levels_.back().path_size);
    levels_.pop_back();
    if (!levels_.back().open) return;
    Take(OpenBeneath(tree_fd_, path_.empty() ? "." : path_, Resolve::kStrict, O_RDONLY | O_DIRECTORY));
  }

  void Take(Result<UniqueFd> dir) {
    levels_.back().open = dir.has_value();
    if (dir)
      dir_ = std::move(*dir);
    else
      AddProblem("", dir.error().ToString());
  }

  // All entries that were recorded are compared by name; only others can be left.
  void CheckCount() {
    if (levels_.empty() || !levels_.back().open) return;
    auto count = CountEntries(dir_.get());
    if (!count)
      AddProblem("", count.error().ToString());
    else if (*count > levels_.back().recorded)
      AddProblem("", "has entries that the image does not have");
  }

  const int tree_fd_;
  InventoryReader& file_;
  const CheckDepth depth_;
  const std::function<bool()>& wanted_;
  LayerCheck check_;
  std::string path_;           // of the directory that the items are in
  UniqueFd dir_;               // the same, if it is open
  std::vector<Level> levels_;  // the root first
  std::string buffer_;
};

}  // namespace

Result<LayerCheck> CheckInventory(int tree_fd, int file_fd, CheckDepth depth,
                                  const std::function<bool()>& wanted) {
  InventoryReader file(file_fd);
  return Comparison(tree_fd, file, depth, wanted).Run();
}

}  // namespace davit::snapshotter
