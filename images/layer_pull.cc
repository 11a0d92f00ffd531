// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_pull.h"

#include <set>
#include <string>
#include <vector>

#include "images/layer_fixup.h"

namespace davit::images {
namespace {

// The layers that this pull has claimed. What is still claimed when it goes was not committed, and is
// abandoned.
class Claims {
 public:
  Claims(LayerStore& layers, LayerLedger& ledger) : layers_(layers), ledger_(ledger) {}
  ~Claims() {
    for (const std::string& chain_id : claimed_) {
      layers_.Abandon(chain_id);
      ledger_.Unclaim(chain_id);
    }
  }
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  // The layer was claimed in the ledger.
  void Add(const std::string& chain_id) { claimed_.insert(chain_id); }
  // It is in the store.
  void Done(const std::string& chain_id) {
    claimed_.erase(chain_id);
    ledger_.Unclaim(chain_id);
  }

 private:
  LayerStore& layers_;
  LayerLedger& ledger_;
  std::set<std::string> claimed_;
};

class LayerPull {
 public:
  LayerPull(const LayerSource& source, LayerLedger& ledger)
      : source_(source), ledger_(ledger), claims_(source.layers, ledger), budget_(source.interrupt) {}

  Result<> Run(size_t parallel) {
    std::vector<size_t> ours;
    std::vector<size_t> missing = ClaimMissing(ours);
    LayerDownloads downloads(source_, ours, parallel);
    std::set<size_t> downloading(ours.begin(), ours.end());
    for (size_t index : missing) {
      TRY(downloading.contains(index) ? Commit(index, TRY(downloads.Await(index))) : TakeOver(index));
    }
    return {};
  }

 private:
  const std::string& chain_id(size_t index) const { return source_.image.record.chain_ids[index]; }

  // Claims what can be claimed now. All that is missing, in order; somebody else has claimed what is not in
  // `ours`.
  std::vector<size_t> ClaimMissing(std::vector<size_t>& ours) {
    std::vector<size_t> missing;
    for (size_t index = 0; index < source_.image.layers.size(); ++index) {
      if (ledger_.Claim(chain_id(index))) {
        claims_.Add(chain_id(index));
        // Only who has claimed a layer knows that nobody is removing it.
        if (source_.layers.Has(chain_id(index))) {
          End(index, LayerProgress::State::kExists);
          continue;
        }
        ours.push_back(index);
      }
      missing.push_back(index);
    }
    return missing;
  }

  // Waits until the other pull is done with the layer, and does it here if that one failed. No two pulls wait
  // for each other: whom we wait for is working on a layer below all that we still have claimed but not
  // committed, or on this one.
  Result<> TakeOver(size_t index) {
    TRY(ledger_.WaitAndClaim(chain_id(index), source_.interrupt));
    claims_.Add(chain_id(index));
    if (!source_.layers.Has(chain_id(index))) return Commit(index, TRY(source_.Fetch(index)));
    End(index, LayerProgress::State::kExists);
    return {};
  }

  Result<> Commit(size_t index, StagedLayer staged) {
    if (auto fixed = FixUp(index, staged); !fixed) {
      return std::unexpected(Within("layer " + source_.image.layers[index].digest, std::move(fixed).error()));
    }
    TRY(source_.layers.Commit(chain_id(index)));
    staged.blob.Commit();
    End(index, LayerProgress::State::kDone);
    return {};
  }

  // The layer is in the store.
  void End(size_t index, LayerProgress::State state) {
    claims_.Done(chain_id(index));
    source_.progress.SetState(index, state);
  }

  // Layers are committed lowest first, so each is opened once.
  Result<> FixUp(size_t index, const StagedLayer& staged) {
    while (lowers_.size() < index) {
      lowers_.push_back(TRY(source_.layers.Open(chain_id(lowers_.size()))));
    }
    budget_.AddLayer(staged.report.entries);
    return FixUpLayer(staged.dir.get(), staged.report, lowers_, budget_);
  }

  const LayerSource& source_;
  LayerLedger& ledger_;
  Claims claims_;
  FixUpBudget budget_;
  std::vector<UniqueFd> lowers_;  // the layers of the image that are committed, lowest first
};

}  // namespace

Result<> PullLayers(const LayerSource& source, LayerLedger& ledger, size_t parallel) {
  return LayerPull(source, ledger).Run(parallel);
}

}  // namespace davit::images
