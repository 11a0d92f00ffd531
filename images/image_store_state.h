// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The inside of the image store, for its own files.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "images/image_catalog.h"
#include "images/image_store.h"
#include "images/layer_ledger.h"
#include "images/leftovers.h"
#include "images/pull_flight.h"
#include "images/reference.h"
#include "images/registry_client.h"

namespace davit::images {

struct ImageStore::State {
  State(Config config_, LayerStore& layers_, ImageRecords& records_, BlobStore& blobs_)
      : config(std::move(config_)),
        layers(layers_),
        blobs(blobs_),
        verifier(config.verifier),
        catalog(records_),
        leftovers(config.retention, layers, ledger, blobs,
                  {[this](const std::string& chain_id) { return InUse(chain_id); },
                   [this] { return KeptBlobs(); }}) {}

  Result<PulledImage> RunPull(const Reference& reference, const PullRequest& request, PullFlight& flight);
  // How the layers of an image get into the store.
  struct Supply {
    BlobSource& source;
    const std::string origin;                    // OngoingFetch::origin
    const Retention& retention;                  // of what does not end well
    const std::function<Result<>()> keep_blobs;  // before the record is written
  };
  // The supply of a pull.
  Supply PullFrom(BlobSource& source, const std::string& origin) const {
    return {source, origin, config.retention, []() -> Result<> { return {}; }};
  }
  Result<PulledImage> Complete(const ResolvedImage& image, const Supply& supply, Interrupt& interrupt,
                               TransferProgress& progress);
  // Gets the layers that `target` lacks from the source. The caller holds blobs and layers.
  Result<> FetchLayers(const ResolvedImage& image, LayerTarget& target, const Supply& supply,
                       Interrupt& interrupt, TransferProgress& progress);
  Result<> MakeDurable(const ImageSummary& pulled);
  bool InUse(const std::string& chain_id);
  Result<std::set<std::string>> KeptBlobs() const;
  Result<std::set<std::string>> BlobsKeptBy(std::vector<ImageSummary> images) const;
  Platform HostOrConfigured() const;
  RegistryClient::Options Transfers() const;

  // image_store_health.cc
  Result<> Mend(const ImageHealth& found, ImageRecord record, BlobSource& source, Interrupt& interrupt,
                TransferProgress& progress);
  // Lists an incomplete image whose layers are there. `record` as of ImageCatalog::Relist.
  Result<> ListAgain(const ImageRecord& record);
  std::set<std::string> WithdrawDamaged(const Interrupt& wanted, StartFindings& findings);
  // Where the layers come from that an incomplete image lacks.
  enum class RestoreFrom : uint8_t {
    kBlobs,       // those that the node keeps
    kRegistries,  // these, and the registries that the image came from, without credentials
  };
  Result<> Restore(const ImageSummary& image, RestoreFrom from, const Interrupt& wanted);
  bool IsDamaged(const std::string& chain_id, const Interrupt& wanted) const;
  bool HasContainers(const ImageSummary& image) const;
  bool IsLost(const ImageSummary& image, const Error& why, const Interrupt& wanted) const;
  bool StaysIncomplete(const ImageSummary& image, RestoreFrom from, const Error& why, const Interrupt& wanted,
                       StartFindings& findings);
  void Recover(const ImageSummary& image, RestoreFrom from, const Interrupt& wanted, StartFindings& findings);

  const Config config;
  const int64_t opened_ms = MonotonicMilliseconds();
  LayerStore& layers;
  BlobStore& blobs;
  LayerLedger ledger;
  std::atomic<bool> keep_released = false;

  const ImageVerifier verifier;
  ImageCatalog catalog;

  PullFlights flights;

  Leftovers leftovers;  // last member, because its thread uses the others
};

}  // namespace davit::images
