// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The store of unpacked layers. A layer is identified by its chain ID (OCI image-spec config.md, "Layer
// ChainID").
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::images {

struct StoredLayer {
  std::string chain_id;
  int64_t committed_ns = 0;  // UnixNanoseconds
};

enum class CheckDepth : uint8_t {
  kEntries,   // names, types, owners, modes, sizes, times, targets of symlinks, extended attributes
  kContents,  // and the content of files
};

// The comparison of a layer with what was recorded when it was committed.
struct LayerFindings {
  uint64_t entries = 0;               // that were compared
  uint64_t bytes = 0;                 // of content that were read
  uint64_t problems = 0;              // 0: the layer is whole
  std::vector<std::string> examples;  // the first problems: "usr/bin/sh: has 0 bytes instead of 12"
};

// Where a pull puts layers. A layer is first staged, then committed; Has and Open see committed layers only.
// Calls for different layers or stagings may run on several threads at once; others never overlap.
class LayerTarget {
 public:
  virtual ~LayerTarget() = default;

  virtual bool Has(const std::string& chain_id) const = 0;

  // Returns a new, empty directory on the filesystem where the layer will stay; leftovers of a crash are
  // removed first. `staging` is the layer's chain ID or, if another pull has that staged, a random name of
  // the same form. The caller ends the staging with Commit or Abandon before it begins another one of that
  // name.
  virtual Result<UniqueFd> Stage(const std::string& staging) = 0;

  // Turns the staged directory into the layer, atomically. `checksums` are those of its files, as far as they
  // are known. It takes a while for a layer with many files: kCancelled once `wanted`, which is called often,
  // returns false. kAlreadyExists if another staging was committed as this layer.
  virtual Result<> Commit(const std::string& staging, const std::string& chain_id,
                          std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) = 0;

  // Discards the staged directory. No-op if nothing of that name is staged.
  virtual void Abandon(const std::string& staging) = 0;

  // The directory of a committed layer; the descriptor may be O_PATH. kNotFound if the layer does not exist.
  virtual Result<UniqueFd> Open(const std::string& chain_id) const = 0;
};

class LayerStore : public LayerTarget {
 public:
  // The same for a layer that is committed, but damaged: the new one takes its place. Containers that have
  // the old one mounted keep it. Durable.
  virtual Result<UniqueFd> StageReplacement(const std::string& chain_id) = 0;
  virtual Result<> Replace(const std::string& staging, const std::string& chain_id,
                           std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) = 0;

  // All committed layers, in no particular order.
  virtual Result<std::vector<StoredLayer>> List() const = 0;

  // For the start: takes over layers that an earlier process committed and that no image has. The next Sync
  // makes them durable like those that this process commits. Returns false if they may be damaged, because
  // the host has booted since, and must not be used.
  virtual bool Adopt(const std::set<std::string>& chain_ids) = 0;

  // Idempotent: an unknown layer is not an error.
  virtual Result<> Remove(const std::string& chain_id) = 0;
  // The same for a damaged layer: containers that have it mounted keep it.
  virtual Result<> Withdraw(const std::string& chain_id) = 0;
  // Sets StoredLayer::committed_ns to now.
  virtual Result<> Renew(const std::string& chain_id) = 0;

  // Compares a layer with what was recorded of it. kNotFound if it does not exist; kUnimplemented if nothing
  // was recorded, because an older release has committed it; kDataLoss if the record is damaged; kCancelled
  // once `wanted`, which is called often, returns false.
  virtual Result<LayerFindings> Check(const std::string& chain_id, CheckDepth depth,
                                      const std::function<bool()>& wanted) const = 0;
  // After a boot of the host, until NoteChecked: the layers that were committed since the boot before. The
  // state is on disk: a check that does not end is repeated by the next process.
  virtual std::set<std::string> OfLastBoot() const = 0;
  virtual Result<> NoteChecked() = 0;

  // Makes these layers durable, and all that were committed before them (syncfs(2), once per pull). Returns
  // at once if they are durable already. After an error, layers committed since the last successful Sync may
  // be lost, including those of other pulls.
  virtual Result<> Sync(const std::vector<std::string>& chain_ids) = 0;
};

}  // namespace davit::images
