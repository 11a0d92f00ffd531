// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fakes of the image store's interfaces: layers in a directory, records in memory.
#pragma once

#include <fcntl.h>

#include <algorithm>
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
  Result<UniqueFd> StageReplacement(const std::string& chain_id) override { return Stage(chain_id); }
  Result<> Replace(const std::string& staging, const std::string& chain_id,
                   std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) override {
    std::filesystem::remove_all(Path(chain_id));
    damaged.erase(chain_id);
    return Commit(staging, chain_id, std::move(checksums), wanted);
  }
  Result<> Commit(const std::string& staging, const std::string& chain_id, std::vector<FileChecksum>,
                  const std::function<bool()>& wanted) override {
    if (on_commit) on_commit();
    for (int i = 0; commit_is_long && wanted() && i < 60'000; ++i) usleep(1000);
    if (!wanted()) return Fail(Code::kCancelled, "commit", chain_id, "cancelled");
    if (Has(chain_id)) return SystemError("commit", chain_id, EEXIST);
    std::filesystem::rename(Staging(staging), Path(chain_id));
    std::lock_guard lock(mutex_);
    commits.push_back(chain_id);
    unsynced.insert(chain_id);
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
    if (!rebooted) unsynced.insert(chain_ids.begin(), chain_ids.end());
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
  Result<> Withdraw(const std::string& chain_id) override {
    damaged.erase(chain_id);
    return Remove(chain_id);
  }
  Result<> Renew(const std::string& chain_id) override {
    std::lock_guard lock(mutex_);
    committed_ns_[chain_id] = UnixNanoseconds();
    return {};
  }
  Result<LayerFindings> Check(const std::string& chain_id, CheckDepth depth,
                              const std::function<bool()>& wanted) const override {
    if (!Has(chain_id)) return Fail(Code::kNotFound, "check", chain_id, "there is no such layer");
    if (!wanted()) return Fail(Code::kCancelled, "check", chain_id, "cancelled");
    ++checks;
    if (on_check) on_check(chain_id);
    bool bad = damaged.contains(chain_id) && damaged.at(chain_id) <= depth;
    LayerFindings findings{.entries = 3, .bytes = 0, .problems = bad ? 1u : 0u, .examples = {}};
    if (bad) findings.examples = {"file: is missing"};
    return findings;
  }
  std::set<std::string> OfLastBoot() const override {
    std::set<std::string> all;
    if (!rebooted) return all;
    for (const std::string& name : Layers()) all.insert("sha256:" + name);
    return all;
  }
  Result<> NoteChecked() override {
    rebooted = false;
    return {};
  }
  Result<> Sync(const std::vector<std::string>& chain_ids) override {
    if (std::ranges::none_of(chain_ids, [this](const auto& id) { return unsynced.contains(id); })) return {};
    unsynced.clear();
    ++syncs;
    if (on_sync) on_sync();
    if (fail_sync_with == 0) return {};
    for (const std::string& chain_id : commits) std::filesystem::remove_all(Path(chain_id));
    return SystemError("syncfs", root_, fail_sync_with);
  }

  std::function<void()> on_sync;                              // called in Sync; empty: nothing
  std::function<void()> on_commit;                            // called in Commit; empty: nothing
  std::function<void(const std::string& chain_id)> on_check;  // called in Check; empty: nothing
  bool commit_is_long = false;                // until it is not wanted, or a minute has passed
  int fail_stage_with = 0;                    // errno
  int fail_sync_with = 0;                     // errno; Sync then also removes all committed layers
  bool rebooted = false;                      // since the layers were committed
  std::map<std::string, CheckDepth> damaged;  // and the least depth that finds it
  std::set<std::string> unsynced;             // layers that were committed since the last Sync
  mutable std::atomic<int> checks = 0;
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
    if (fail_put) return SystemError("put", record.id, ENOSPC);
    records[record.id] = record;
    return {};
  }
  Result<> Remove(const std::string& id) override {
    records.erase(id);
    return {};
  }
  Result<> PutSummary(const ImageSummary& summary) override {
    ImageRecord record = TRY(GetWithIndexes(summary.id));
    static_cast<ImageSummary&>(record) = summary;
    return Put(record);
  }
  Result<std::vector<ImageSummary>> All() override {
    std::vector<ImageSummary> all;
    for (const auto& [id, record] : records) all.push_back(record);
    return all;
  }
  Result<ImageRecord> Get(const std::string& id) const override {
    ImageRecord record = TRY(GetWithIndexes(id));
    record.indexes.clear();
    return record;
  }
  Result<ImageRecord> GetWithIndexes(const std::string& id) const override {
    auto found = records.find(id);
    if (found == records.end()) return Fail(Code::kNotFound, "get record", id, "there is none");
    return found->second;
  }

  std::atomic<bool> fail_put = false;
  std::map<std::string, ImageRecord> records;
};

}  // namespace davit::images
