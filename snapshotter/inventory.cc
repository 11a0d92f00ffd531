// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/inventory.h"

#include <fcntl.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

#include "base/tree_walk.h"
#include "snapshotter/inventory_file.h"
#include "snapshotter/usage_counter.h"

namespace davit::snapshotter {
namespace {

// Finds checksums by inode. Of several for one inode the last counts.
class Checksums {
 public:
  explicit Checksums(std::vector<FileChecksum> list) : list_(std::move(list)), order_(list_.size()) {
    std::iota(order_.begin(), order_.end(), uint32_t{0});
    std::ranges::sort(order_, {}, [this](uint32_t at) { return std::pair(list_[at].inode, at); });
  }

  std::optional<uint64_t> Find(uint64_t inode) const {
    auto inode_at = [this](uint32_t at) { return list_[at].inode; };
    auto [first, last] = std::ranges::equal_range(order_, inode, {}, inode_at);
    return first == last ? std::optional<uint64_t>() : list_[*std::prev(last)].value;
  }

 private:
  std::vector<FileChecksum> list_;
  std::vector<uint32_t> order_;  // positions in list_; a sorted copy would take more memory
};

constexpr uint64_t kEntriesPerQuestion = 64;  // whether the inventory is still wanted

class Recorder : public TreeVisitor {
 public:
  Recorder(InventoryWriter& file, Checksums checksums, const std::string& tree,
           const std::function<bool()>& wanted)
      : file_(file), checksums_(std::move(checksums)), tree_(tree), wanted_(wanted) {}

  Result<bool> Record(int dir_fd, const std::string& name) {
    if (entries_++ % kEntriesPerQuestion == 0 && !wanted_())
      return Fail(Code::kCancelled, "", "", "cancelled");
    struct statx stat{};
    if (statx(dir_fd, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &stat) < 0)
      return SystemError("statx", name);
    usage_.Count(stat);
    InventoryItem item = TRY(DescribeEntry(dir_fd, name, stat));
    if (S_ISREG(stat.stx_mode)) item.content = checksums_.Find(stat.stx_ino);
    TRY(file_.Add(item));
    return S_ISDIR(stat.stx_mode);
  }

  WalkStep Visit(int dir_fd, const std::string& name, unsigned char) override {
    Result<bool> directory = Record(dir_fd, name);
    if (!directory) error_ = std::move(directory).error();
    if (error_) return WalkStep::kStop;
    return *directory ? WalkStep::kDescend : WalkStep::kNext;
  }

  void Leave(int, const std::string&) override {
    InventoryItem item;
    item.kind = InventoryItem::Kind::kLeave;
    if (auto added = file_.Add(item); !added && !error_) error_ = added.error();
  }

  void Failed(const Error& error) override {
    if (!error_) error_ = error;
  }

  Result<DiskUsage> Take() {
    if (error_) return std::unexpected(Within("record " + tree_, std::move(*error_)));
    return usage_.Sum();
  }

 private:
  InventoryWriter& file_;
  const Checksums checksums_;
  const std::string& tree_;
  const std::function<bool()>& wanted_;
  uint64_t entries_ = 0;
  UsageCounter usage_;
  std::optional<Error> error_;
};

}  // namespace

Result<DiskUsage> TakeInventory(UniqueFd tree, int file_fd, std::vector<FileChecksum> checksums,
                                const std::string& name, const std::function<bool()>& wanted) {
  InventoryWriter file(file_fd);
  Recorder recorder(file, Checksums(std::move(checksums)), name, wanted);
  TRY(recorder.Record(tree.get(), "."));
  std::ignore = WalkTree(std::move(tree), recorder);
  DiskUsage usage = TRY(recorder.Take());
  TRY(file.Finish());
  return usage;
}

}  // namespace davit::snapshotter
