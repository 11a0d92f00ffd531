// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <charconv>
#include <optional>
#include <tuple>

#include "base/atomic_file.h"
#include "base/directory.h"
#include "base/file_io.h"
#include "base/file_time.h"
#include "base/ids.h"
#include "base/selinux_attribute.h"
#include "snapshotter/names.h"
#include "snapshotter/snapshotter.h"

namespace davit::snapshotter {
namespace {

std::string FormatUsage(const DiskUsage& usage) {
  return std::to_string(usage.bytes) + " " + std::to_string(usage.inodes) + "\n";
}

std::optional<DiskUsage> ParseUsage(const std::string& text) {
  DiskUsage usage;
  const char* end = text.data() + text.size();
  auto bytes = std::from_chars(text.data(), end, usage.bytes);
  if (bytes.ec != std::errc() || bytes.ptr == end || *bytes.ptr != ' ') return std::nullopt;
  auto inodes = std::from_chars(bytes.ptr + 1, end, usage.inodes);
  if (inodes.ec != std::errc() || std::string_view(inodes.ptr, end) != "\n") return std::nullopt;
  return usage;
}

constexpr char kInventory[] = "inventory";

// `layer_fd` is a layer's own directory, committed or not.
Result<DiskUsage> RecordUsage(int layer_fd, const DiskUsage& usage) {
  TRY(WriteFileAtomically(layer_fd, "usage", FormatUsage(usage), 0600, Durability::kVolatile));
  return usage;
}

// A new name in `replaced`.
Result<std::string> NameAside(const std::string& name) {
  return name + "-" + TRY(NewId()).substr(0, 16);
}

template <typename T>
Result<T> ExplainMissing(Result<T> result, const std::string& chain_id) {
  if (result || result.error().os_errno != ENOENT) return result;
  return Fail(Code::kNotFound, "open layer", chain_id, "there is no such layer");
}

}  // namespace

bool Snapshotter::HasLayer(const std::string& chain_id) const {
  auto name = LayerName(chain_id);
  return name && faccessat(layers_.get(), name->c_str(), F_OK, 0) == 0;
}

Result<UniqueFd> Snapshotter::StageLayer(const std::string& staging) {
  return Stage(staging, /*replaces=*/false);
}

Result<UniqueFd> Snapshotter::StageReplacement(const std::string& chain_id) {
  return Stage(chain_id, /*replaces=*/true);
}

Result<UniqueFd> Snapshotter::Stage(const std::string& staging, bool replaces) {
  std::string name = TRY(LayerName(staging));
  TRY(ledger_.Begin(staging));
  auto directory = MakeStagingDirectory(staging, name, replaces);
  if (!directory) AbandonLayer(staging);
  return directory;
}

Result<UniqueFd> Snapshotter::MakeStagingDirectory(const std::string& chain_id, const std::string& name,
                                                   bool replaces) {
  if (!replaces && HasLayer(chain_id))
    return Fail(Code::kAlreadyExists, "stage layer", chain_id, "it is committed");
  TRY(Discard(staging_.get(), name));
  TRY(MakeDirectory(staging_.get(), name, 0700));
  TRY(MakeDirectory(staging_.get(), name + "/fs", 0755));
  return OpenDirectory(staging_.get(), name + "/fs");
}

Result<> Snapshotter::LabelLayers(const std::string& selinux_context) {
  for (const UniqueFd* directory : {&layers_, &staging_, &empty_})
    TRY(SetSeLinuxContext(directory->get(), selinux_context, root_));
  return {};
}

// Writes what describes a staged layer.
Result<> Snapshotter::Complete(const std::string& staging, std::vector<FileChecksum> checksums,
                               const std::function<bool()>& wanted) {
  if (!ledger_.IsStaged(staging))
    return Fail(Code::kFailedPrecondition, "commit layer", staging, "it is not staged");
  UniqueFd layer = TRY(OpenDirectory(staging_.get(), TRY(LayerName(staging))));
  UniqueFd inventory = TRY(OpenAt(layer.get(), kInventory, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  UniqueFd tree = TRY(OpenDirectory(layer.get(), "fs"));
  DiskUsage usage =
      TRY(TakeInventory(std::move(tree), inventory.get(), std::move(checksums), staging, wanted));
  TRY(RecordUsage(layer.get(), usage));
  return {};
}

Result<> Snapshotter::CommitLayer(const std::string& chain_id) {
  return CommitLayer(chain_id, chain_id, {}, [] { return true; });
}

Result<> Snapshotter::CommitLayer(const std::string& staging, const std::string& chain_id,
                                  std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) {
  std::string from = TRY(LayerName(staging));
  std::string to = TRY(LayerName(chain_id));
  TRY(Complete(staging, std::move(checksums), wanted));
  if (renameat2(staging_.get(), from.c_str(), layers_.get(), to.c_str(), RENAME_NOREPLACE) < 0) {
    return SystemError("commit layer", chain_id);
  }
  Result<> committed = ledger_.Committed(staging, chain_id);
  if (!committed) TRY(RemoveLayer(chain_id));
  return committed;
}

// The layer has records already: its files must be on disk before it takes the place of the damaged one. So
// it never is one of those that a failed sync removes.
Result<> Snapshotter::ReplaceLayer(const std::string& staging, const std::string& chain_id,
                                   std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) {
  TRY(Complete(staging, std::move(checksums), wanted));
  TRY(Sync());
  TRY(ledger_.CheckStaged(staging));
  TRY(SwapIn(staging, chain_id));
  ledger_.End(staging);
  return Sync();
}

// The new tree changes places with the old one in `replaced`: what is in `staging` is deleted after a crash.
Result<> Snapshotter::SwapIn(const std::string& staging, const std::string& chain_id) {
  std::string from = TRY(LayerName(staging));
  std::string name = TRY(LayerName(chain_id));
  std::string aside = TRY(NameAside(name));
  if (renameat(staging_.get(), from.c_str(), replaced_.get(), aside.c_str()) < 0)
    return SystemError("replace layer", chain_id);
  auto swap = [&](unsigned flags) {
    return renameat2(replaced_.get(), aside.c_str(), layers_.get(), name.c_str(), flags) == 0;
  };
  if (swap(RENAME_EXCHANGE) || (errno == ENOENT && swap(RENAME_NOREPLACE))) return {};
  auto error = SystemError("replace layer", chain_id);
  std::ignore = Discard(replaced_.get(), aside);  // at the latest, the next boot discards it
  return error;
}

// Overlayfs goes on with the directory that it has open, wherever that is; deleted, its files would be gone
// for the containers that run.
Result<> Snapshotter::WithdrawLayer(const std::string& chain_id) {
  std::string name = TRY(LayerName(chain_id));
  std::string aside = TRY(NameAside(name));
  if (renameat(layers_.get(), name.c_str(), replaced_.get(), aside.c_str()) < 0 && errno != ENOENT)
    return SystemError("set layer aside", chain_id);
  return {};
}

Result<> Snapshotter::RenewLayer(const std::string& chain_id) {
  std::string path = TRY(LayerName(chain_id)) + "/usage";
  if (utimensat(layers_.get(), path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("utimensat", chain_id);
  return {};
}

void Snapshotter::AbandonLayer(const std::string& staging) {
  auto name = LayerName(staging);
  if (!name || !ledger_.IsStaged(staging)) return;
  // What cannot be moved now is found by the next StageLayer or Collect.
  std::ignore = Discard(staging_.get(), *name);
  ledger_.End(staging);
}

Result<UniqueFd> Snapshotter::OpenLayer(const std::string& chain_id) const {
  return OpenLayerAs(O_PATH, chain_id);
}

Result<UniqueFd> Snapshotter::OpenLayerAs(int flags, const std::string& chain_id) const {
  std::string path = TRY(LayerName(chain_id)) + "/fs";
  return ExplainMissing(OpenAt(layers_.get(), path, flags | O_DIRECTORY | O_NOFOLLOW), chain_id);
}

Result<DiskUsage> Snapshotter::LayerUsage(const std::string& chain_id) const {
  std::string name = TRY(LayerName(chain_id));
  UniqueFd layer = TRY(ExplainMissing(OpenDirectory(layers_.get(), name), chain_id));
  auto record = ReadFileAt(layer.get(), "usage", 64);
  auto usage = record ? ParseUsage(*record) : std::nullopt;
  if (usage) return *usage;
  DiskUsage measured = TRY(MeasureTree(TRY(OpenDirectory(layer.get(), "fs")), chain_id));
  return RecordUsage(layer.get(), measured);
}

Result<LayerCheck> Snapshotter::CheckLayer(const std::string& chain_id, CheckDepth depth,
                                           const std::function<bool()>& wanted) const {
  std::string name = TRY(LayerName(chain_id));
  UniqueFd layer = TRY(ExplainMissing(OpenDirectory(layers_.get(), name), chain_id));
  auto inventory = OpenAt(layer.get(), kInventory, O_RDONLY | O_NOFOLLOW);
  if (!inventory && inventory.error().os_errno == ENOENT)
    return Fail(Code::kUnimplemented, "check layer", chain_id, "it has no inventory");
  UniqueFd file = TRY(std::move(inventory));
  UniqueFd tree = TRY(ExplainMissing(OpenDirectory(layer.get(), "fs"), chain_id));
  return CheckInventory(tree.get(), file.get(), depth, wanted);
}

// The record of the usage is written right before the commit.
Result<std::vector<CommittedLayer>> Snapshotter::ListLayers() const {
  std::vector<CommittedLayer> committed;
  for (const std::string& name : TRY(ListDirectory(layers_.get()))) {
    struct stat status;
    bool found = IsId(name) && fstatat(layers_.get(), (name + "/usage").c_str(), &status, 0) == 0;
    if (!found) continue;  // removed since, or damaged by hand
    committed.push_back({"sha256:" + name, ToNanoseconds(status.st_mtim)});
  }
  return committed;
}

bool Snapshotter::AdoptLayers(const std::set<std::string>& chain_ids) {
  if (same_boot_) ledger_.Adopt(chain_ids);
  return same_boot_;
}

Result<> Snapshotter::RemoveLayer(const std::string& chain_id) {
  return Discard(layers_.get(), TRY(LayerName(chain_id)));
}

}  // namespace davit::snapshotter
