// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fakes of the image store's interfaces: layers in a directory, records in memory.
#pragma once

#include <fcntl.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "images/image_record.h"
#include "images/layer_store.h"

namespace davit::images {

// Committed layers are <root>/layers/<hex digits>, staged ones are <root>/staging/<hex digits>.
class DirLayerStore : public LayerStore {
 public:
  explicit DirLayerStore(std::string root) : root_(std::move(root)) {
    std::filesystem::create_directories(root_ + "/layers");
    std::filesystem::create_directories(root_ + "/staging");
  }

  std::string Path(const std::string& chain_id) const { return root_ + "/layers/" + chain_id.substr(7); }
  std::vector<std::string> Layers() const { return Names("/layers"); }
  std::vector<std::string> Staged() const { return Names("/staging"); }

  bool Has(const std::string& chain_id) const override { return std::filesystem::exists(Path(chain_id)); }
  Result<UniqueFd> Stage(const std::string& chain_id) override {
    if (fail_stage_with != 0) return SystemError("mkdir", chain_id, fail_stage_with);
    if (std::filesystem::exists(Staging(chain_id)))
      return Fail(Code::kFailedPrecondition, "stage", chain_id, "staged");
    std::filesystem::create_directory(Staging(chain_id));
    ++stagings;
    return Opened(Staging(chain_id));
  }
  Result<> Commit(const std::string& chain_id) override {
    std::filesystem::rename(Staging(chain_id), Path(chain_id));
    std::lock_guard lock(mutex_);
    commits.push_back(chain_id);
    committed_ns_[chain_id] = UnixNanoseconds();
    return {};
  }
  void Abandon(const std::string& chain_id) override { std::filesystem::remove_all(Staging(chain_id)); }
  Result<UniqueFd> Open(const std::string& chain_id) const override { return Opened(Path(chain_id)); }
  Result<std::vector<StoredLayer>> List() const override {
    std::lock_guard lock(mutex_);
    std::vector<StoredLayer> stored;
    for (const std::string& name : Layers()) {
      auto known = committed_ns_.find("sha256:" + name);
      stored.push_back({"sha256:" + name, known == committed_ns_.end() ? 0 : known->second});
    }
    return stored;
  }
  bool Adopt(const std::set<std::string>& chain_ids) override {
    if (!rebooted) adopted = chain_ids;
    return !rebooted;
  }
  // All layers were committed this much earlier.
  void Age(int64_t ms) {
    std::lock_guard lock(mutex_);
    for (auto& [chain_id, time] : committed_ns_) time -= ms * 1'000'000;
  }
  Result<> Remove(const std::string& chain_id) override {
    std::filesystem::remove_all(Path(chain_id));
    return {};
  }
  Result<> Sync() override {
    ++syncs;
    if (on_sync) on_sync();
    if (fail_sync_with == 0) return {};
    for (const std::string& chain_id : commits) std::filesystem::remove_all(Path(chain_id));
    return SystemError("syncfs", root_, fail_sync_with);
  }

  std::function<void()> on_sync;  // called in Sync; empty: nothing
  int fail_stage_with = 0;        // errno
  int fail_sync_with = 0;         // errno; Sync then also removes all committed layers
  bool rebooted = false;          // since the layers were committed
  std::set<std::string> adopted;
  std::atomic<int> syncs = 0;
  std::atomic<int> stagings = 0;
  std::vector<std::string> commits;  // in order; read it when no pull runs

 private:
  std::string Staging(const std::string& chain_id) const { return root_ + "/staging/" + chain_id.substr(7); }
  static Result<UniqueFd> Opened(const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return SystemError("open", path);
    return fd;
  }
  std::vector<std::string> Names(const char* dir) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(root_ + dir))
      names.push_back(entry.path().filename());
    return names;
  }

  std::string root_;
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> committed_ns_;
};

class MemoryRecords : public ImageRecords {
 public:
  Result<> Put(const ImageRecord& record) override {
    if (fail_put) return Fail(Code::kResourceExhausted, "put", record.id, "disk full");
    records[record.id] = record;
    return {};
  }
  Result<> Remove(const std::string& id) override {
    records.erase(id);
    return {};
  }
  Result<> PutSummary(const ImageSummary& summary) override {
    ImageRecord record = TRY(Get(summary.id));
    static_cast<ImageSummary&>(record) = summary;
    return Put(record);
  }
  Result<std::vector<ImageSummary>> All() override {
    std::vector<ImageSummary> all;
    for (const auto& [id, record] : records) all.push_back(record);
    return all;
  }
  Result<ImageRecord> Get(const std::string& id) const override {
    auto found = records.find(id);
    if (found == records.end()) return Fail(Code::kNotFound, "get record", id, "there is none");
    return found->second;
  }

  bool fail_put = false;
  std::map<std::string, ImageRecord> records;
};

}  // namespace davit::images
