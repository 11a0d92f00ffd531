// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The interfaces of the image store, implemented with the daemon's database and snapshotter.
#pragma once

#include "base/log.h"
#include "cri/daemon/recent_images.h"
#include "cri/records/records.h"
#include "images/image_record.h"
#include "images/layer_store.h"
#include "snapshotter/snapshotter.h"

namespace davit::cri {

class DatabaseImageRecords final : public images::ImageRecords {
 public:
  // Both must outlive the object.
  DatabaseImageRecords(Records& records, const Logger& log) : records_(records), log_(log) {}

  Result<> Put(const images::ImageRecord& record) override;
  Result<> Remove(const std::string& id) override;
  Result<> PutSummary(const images::ImageSummary& summary) override;
  // Logs and omits rows that cannot be decoded; they stay in the database for a daemon that can read them.
  // Holds one row in memory at a time.
  Result<std::vector<images::ImageSummary>> All() override;
  Result<images::ImageRecord> Get(const std::string& id) const override;
  Result<images::ImageRecord> GetWithIndexes(const std::string& id) const override { return Read(id); }

 private:
  // Reads and decodes a row.
  Result<images::ImageRecord> Read(const std::string& id) const;
  // `change` is the outcome of a change to the image's row, done or not.
  Result<> Changed(const std::string& id, Result<> change);

  Records& records_;
  const Logger& log_;
  mutable RecentImages recent_;
};

class SnapshotLayerStore final : public images::LayerStore {
 public:
  explicit SnapshotLayerStore(snapshotter::Snapshotter& snapshotter) : snapshotter_(snapshotter) {}

  bool Has(const std::string& chain_id) const override { return snapshotter_.HasLayer(chain_id); }
  Result<UniqueFd> Stage(const std::string& staging) override { return snapshotter_.StageLayer(staging); }
  Result<> Commit(const std::string& staging, const std::string& chain_id,
                  std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) override {
    return snapshotter_.CommitLayer(staging, chain_id, std::move(checksums), wanted);
  }
  Result<UniqueFd> StageReplacement(const std::string& chain_id) override {
    return snapshotter_.StageReplacement(chain_id);
  }
  Result<> Replace(const std::string& staging, const std::string& chain_id,
                   std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) override {
    return snapshotter_.ReplaceLayer(staging, chain_id, std::move(checksums), wanted);
  }
  void Abandon(const std::string& staging) override { snapshotter_.AbandonLayer(staging); }
  Result<UniqueFd> Open(const std::string& chain_id) const override {
    return snapshotter_.OpenLayer(chain_id);
  }
  Result<std::vector<images::StoredLayer>> List() const override;
  bool Adopt(const std::set<std::string>& chain_ids) override { return snapshotter_.AdoptLayers(chain_ids); }
  Result<> Remove(const std::string& chain_id) override { return snapshotter_.RemoveLayer(chain_id); }
  Result<> Withdraw(const std::string& chain_id) override { return snapshotter_.WithdrawLayer(chain_id); }
  Result<> Renew(const std::string& chain_id) override { return snapshotter_.RenewLayer(chain_id); }
  Result<images::LayerFindings> Check(const std::string& chain_id, images::CheckDepth depth,
                                      const std::function<bool()>& wanted) const override;
  std::set<std::string> OfLastBoot() const override { return snapshotter_.LayersOfLastBoot(); }
  Result<> NoteChecked() override { return snapshotter_.NoteChecked(); }
  Result<> Sync(const std::vector<std::string>& chain_ids) override {
    return snapshotter_.SyncLayers(chain_ids);
  }

 private:
  snapshotter::Snapshotter& snapshotter_;
};

}  // namespace davit::cri
