// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_pull.h"

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/rollback.h"
#include "images/layer_claims.h"
#include "images/layer_fixup.h"
#include "images/layer_notes.h"

namespace davit::images {
namespace {

class LayerPull {
 public:
  LayerPull(const LayerSource& source, LayerLedger& ledger)
      : source_(source),
        claims_(source.layers, ledger),
        patience_(source.patience_ms),
        budget_(source.interrupt) {}

  Result<> Run(size_t parallel) {
    std::vector<size_t> missing = FindMissing();
    LayerDownloads downloads(source_, claims_, missing, parallel);
    for (size_t index : missing) {
      if (auto completed = Complete(index, TRY(downloads.Await(index))); !completed)
        return std::unexpected(downloads.failure().value_or(std::move(completed).error()));
    }
    return {};
  }

 private:
  const std::string& chain_id(size_t index) const { return source_.chain_id(index); }

  // Those that somebody else has claimed may exist soon.
  std::vector<size_t> FindMissing() {
    std::vector<size_t> missing;
    for (size_t index = 0; index < source_.image.layers.size(); ++index) {
      // Only who has claimed a layer knows that nobody is removing it.
      bool exists = claims_.Claim(chain_id(index), nullptr) && source_.layers.Has(chain_id(index));
      claims_.Done(chain_id(index));
      if (exists)
        source_.progress.SetState(index, LayerProgress::State::kExists);
      else
        missing.push_back(index);
    }
    return missing;
  }

  Result<> Complete(size_t index, Download download) {
    switch (download.state) {
      case Download::State::kStaged:
        return Commit(index, std::move(*download.layer));
      case Download::State::kExists:
        return End(index, LayerProgress::State::kExists);
      case Download::State::kElsewhere:
        return GetFromElsewhere(index);
    }
    return {};
  }

  // Waits until the other pull is done with the layer. Fetches it here if that one has failed, or is not
  // worth waiting for. No two pulls wait for each other: all layers below are in the store, so whom we wait
  // for works on this one.
  Result<> GetFromElsewhere(size_t index) {
    std::shared_ptr<OngoingFetch> fetch = source_.Describe(index);
    std::string staging = chain_id(index);
    Rollback abandon;  // what is claimed, LayerClaims abandons
    if (!TRY(claims_.Wait(chain_id(index), fetch, patience_, source_.interrupt))) {
      staging = "sha256:" + TRY(NewId());
      abandon.Add([this, staging] { source_.layers.Abandon(staging); });
    }
    if (source_.layers.Has(chain_id(index))) return End(index, LayerProgress::State::kExists);
    return Commit(index, TRY(source_.Fetch(index, staging, fetch)));
  }

  // If another pull was faster, its layer stays: both have verified the content.
  Result<> Commit(size_t index, StagedLayer staged) {
    auto committed = CompleteAndCommit(index, staged);
    if (!committed) source_.layers.Abandon(staged.staging);
    if (!committed && !source_.layers.Has(chain_id(index))) return committed;
    staged.blob.Commit();
    return End(index, LayerProgress::State::kDone);
  }

  Result<> CompleteAndCommit(size_t index, StagedLayer& staged) {
    auto checksums = FixUp(index, staged);
    if (!checksums) {
      return std::unexpected(
          Within("layer " + source_.image.layers[index].digest, std::move(checksums).error()));
    }
    return source_.layers.Commit(staged.staging, chain_id(index), std::move(*checksums),
                                 [this] { return source_.interrupt.Check().has_value(); });
  }

  // The layer is in the store.
  Result<> End(size_t index, LayerProgress::State state) {
    claims_.Done(chain_id(index));
    source_.progress.SetState(index, state);
    return {};
  }

  // Layers are committed lowest first, so each is opened once, and the notes of one are in memory. Returns
  // the checksums of the layer's files.
  Result<std::vector<FileChecksum>> FixUp(size_t index, const StagedLayer& staged) {
    while (lowers_.size() < index) {
      lowers_.push_back(TRY(source_.layers.Open(chain_id(lowers_.size()))));
    }
    budget_.AddLayer(staged.report.entries);
    LayerNotes notes = TRY(ReadNotes(staged.notes.get()));
    TRY(FixUpLayer(staged.dir.get(), notes, lowers_, budget_));
    return std::move(notes.checksums);
  }

  const LayerSource& source_;
  LayerClaims claims_;
  FetchPatience patience_;
  FixUpBudget budget_;
  std::vector<UniqueFd> lowers_;  // the layers of the image that are committed, lowest first
};

}  // namespace

Result<> PullLayers(const LayerSource& source, LayerLedger& ledger, size_t parallel) {
  return LayerPull(source, ledger).Run(parallel);
}

}  // namespace davit::images
