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

// `layer_fd` is a layer's own directory, committed or not.
Result<DiskUsage> MeasureAndRecord(int layer_fd, const std::string& chain_id) {
  UniqueFd fs = TRY(OpenDirectory(layer_fd, "fs"));
  DiskUsage usage = TRY(MeasureTree(std::move(fs), chain_id));
  TRY(WriteFileAtomically(layer_fd, "usage", FormatUsage(usage), 0600, Durability::kVolatile));
  return usage;
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

Result<UniqueFd> Snapshotter::StageLayer(const std::string& chain_id) {
  std::string name = TRY(LayerName(chain_id));
  TRY(ledger_.Begin(chain_id));
  auto directory = MakeStagingDirectory(chain_id, name);
  if (!directory) AbandonLayer(chain_id);
  return directory;
}

Result<UniqueFd> Snapshotter::MakeStagingDirectory(const std::string& chain_id, const std::string& name) {
  if (HasLayer(chain_id)) return Fail(Code::kAlreadyExists, "stage layer", chain_id, "it is committed");
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

Result<> Snapshotter::CommitLayer(const std::string& chain_id) {
  std::string name = TRY(LayerName(chain_id));
  if (!ledger_.IsStaged(chain_id)) {
    return Fail(Code::kFailedPrecondition, "commit layer", chain_id, "it is not staged");
  }
  UniqueFd layer = TRY(OpenDirectory(staging_.get(), name));
  TRY(MeasureAndRecord(layer.get(), chain_id));
  if (renameat2(staging_.get(), name.c_str(), layers_.get(), name.c_str(), RENAME_NOREPLACE) < 0) {
    return SystemError("commit layer", chain_id);
  }
  Result<> committed = ledger_.Committed(chain_id);
  if (!committed) TRY(RemoveLayer(chain_id));
  return committed;
}

void Snapshotter::AbandonLayer(const std::string& chain_id) {
  auto name = LayerName(chain_id);
  if (!name || !ledger_.IsStaged(chain_id)) return;
  // What cannot be moved now is found by the next StageLayer or Collect.
  std::ignore = Discard(staging_.get(), *name);
  ledger_.End(chain_id);
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
  return MeasureAndRecord(layer.get(), chain_id);
}

// The record of the usage is written right before the commit.
Result<std::vector<CommittedLayer>> Snapshotter::ListLayers() const {
  std::vector<CommittedLayer> committed;
  for (const std::string& name : TRY(ListDirectory(layers_.get()))) {
    struct stat status;
    bool found = IsId(name) && fstatat(layers_.get(), (name + "/usage").c_str(), &status, 0) == 0;
    if (!found) continue;  // removed since, or damaged by hand
    committed.push_back(
        {"sha256:" + name, int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec});
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
