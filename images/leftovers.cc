// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/leftovers.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "base/guarded.h"
#include "base/time.h"

namespace davit::images {
namespace {

constexpr int64_t kShortestPauseMs = 1000;
constexpr int64_t kLongestPauseMs = 10 * 60 * 1000;

}  // namespace

Leftovers::Leftovers(const Retention& retention, LayerStore& layers, LayerLedger& ledger, BlobStore& blobs,
                     Needs needs)
    : retention_(retention), layers_(layers), ledger_(ledger), blobs_(blobs), needs_(std::move(needs)) {}

Leftovers::~Leftovers() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stopping_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

// A clock that was set back must not keep anything for ever.
bool Leftovers::Stays(int64_t changed_ns, bool room) const {
  int64_t age_ms = std::abs(UnixNanoseconds() - changed_ns) / 1'000'000;
  return room && age_ms < retention_.unfinished_ms;
}

void Leftovers::TakeOver() {
  bool room = HasSpace();
  SweepBlobs({}, room);
  auto stored = layers_.List();
  if (!stored) return;
  std::set<std::string> staying;
  for (const StoredLayer& layer : *stored)
    if (Stays(layer.committed_ns, room) && !needs_.layer(layer.chain_id)) staying.insert(layer.chain_id);
  if (layers_.Adopt(staying)) taken_over_ = std::move(staying);
}

void Leftovers::Remove(std::vector<std::string> chain_ids) {
  std::ranges::reverse(chain_ids);  // topmost first
  for (const std::string& chain_id : chain_ids) {
    if (!ledger_.Claim(chain_id)) continue;  // another caller fetches it, and holds it, or removes it
    if (!needs_.layer(chain_id)) std::ignore = layers_.Remove(chain_id);
    ledger_.Unclaim(chain_id);
  }
}

void Leftovers::KeepOrRemove(std::vector<std::string> chain_ids) {
  if (retention_.unfinished_ms > 0 && HasSpace()) return;
  Remove(std::move(chain_ids));
  SweepBlobs({}, HasSpace());
}

void Leftovers::Sweep(const std::set<std::string>& unwanted) {
  bool room = HasSpace();
  SweepBlobs(unwanted, room);
  SweepLayers(room);
}

void Leftovers::RemoveAll() {
  SweepBlobs({}, /*room=*/false);
  SweepLayers(/*room=*/false);
}

void Leftovers::SweepBlobs(const std::set<std::string>& unwanted, bool room) {
  auto stored = blobs_.List();
  if (!stored) return;
  bool any_complete = false;
  std::set<std::string> staying;
  for (const BlobInfo& blob : *stored) {
    any_complete |= blob.complete;
    bool stays = Stays(blob.changed_ns, room) && !unwanted.contains(blob.digest);
    if (!blob.complete && !stays) std::ignore = blobs_.RemovePartial(blob.digest);
    if (blob.complete && stays) staying.insert(blob.digest);
  }
  if (any_complete) std::ignore = CollectBlobs(std::move(staying));
}

// Without complete blobs, as on most nodes, no record is read.
Result<> Leftovers::CollectBlobs(std::set<std::string> staying) {
  return blobs_.Collect([&]() -> Result<std::set<std::string>> {
    staying.merge(TRY(needs_.blobs()));
    return std::move(staying);
  });
}

void Leftovers::SweepLayers(bool room) {
  auto stored = layers_.List();
  if (!stored) return;
  for (const StoredLayer& layer : *stored)
    if (!Stays(layer.committed_ns, room)) Remove({layer.chain_id});
}

void Leftovers::SweepRegularly() {
  if (retention_.unfinished_ms > 0) thread_ = std::thread([this] { Run(); });
}

void Leftovers::Run() {
  auto pause =
      std::chrono::milliseconds(std::clamp(retention_.unfinished_ms / 4, kShortestPauseMs, kLongestPauseMs));
  MutexLock lock(mutex_);
  while (!stop_) {
    bool stopped = stopping_.WaitUntil(mutex_, std::chrono::steady_clock::now() + pause);
    if (stopped) continue;
    mutex_.Unlock();
    RunGuarded("leftovers", [this] { Sweep(); });
    mutex_.Lock();
  }
}

}  // namespace davit::images
