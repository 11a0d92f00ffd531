// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_store.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"
#include "images/archive/blob_keeper.h"
#include "images/blob_source.h"
#include "images/digest.h"
#include "images/foreign_layers.h"
#include "images/image_resolve.h"
#include "images/image_store_state.h"
#include "images/layer_pull.h"
#include "images/registry_host.h"

namespace davit::images {
namespace {

// Tells who asks. The digest keeps the secrets out of a map's key.
Result<std::string> DigestOf(const std::optional<RegistryAuth>& auth) {
  RegistryAuth none;
  const RegistryAuth& a = auth ? *auth : none;
  std::string text;
  for (const std::string* part : a.Fields()) text += std::to_string(part->size()) + ":" + *part;
  return Sha256Of(text);
}

// Pulls are the same when they ask for the same thing with the same credentials: nobody gets an image, or an
// error, by somebody else's password.
Result<std::string> FlightKey(const Reference& reference, const std::optional<RegistryAuth>& auth) {
  return reference.Normalised() + " " + TRY(DigestOf(auth));
}

}  // namespace

Platform ImageStore::State::HostOrConfigured() const {
  Platform platform = HostPlatform();
  if (!config.platform_os.empty()) platform.os = config.platform_os;
  if (!config.arch.empty()) platform = {platform.os, config.arch, ""};
  return platform;
}

RegistryClient::Options ImageStore::State::Transfers() const {
  // The layers that are fetched at once share the way to the registry.
  int64_t fair_speed = config.fair_speed_bytes / std::max(config.parallel_layers, 1);
  return {{config.low_speed_bytes, config.low_speed_seconds, fair_speed, config.connect_timeout_seconds},
          config.retry,
          config.certs_d};
}

Result<PulledImage> ImageStore::State::RunPull(const Reference& reference, const PullRequest& request,
                                               PullFlight& flight) {
  Interrupt interrupt([&flight] { return flight.Wanted(); });
  auto hosts = TRY(RegistryHostsFor(reference.host, config.certs_d));
  auto registry =
      TRY(RegistryClient::Create(reference, std::move(hosts), request.auth, Transfers(), interrupt));
  auto allowed = [&](const Descriptor& root) {
    return verifier.Verify(reference.Normalised(), root, interrupt);
  };
  ResolvedImage image = TRY(ResolveImage(*registry, reference, HostOrConfigured(), allowed));

  ForeignLayers foreign(Transfers(), TRY(ProxySettings::OfThisProcess()));
  PullSource source(*registry, foreign, interrupt);
  std::string origin = reference.host + " " + TRY(DigestOf(request.auth));
  PulledImage pulled = TRY(Complete(image, PullFrom(source, origin), interrupt, *flight.progress()));
  pulled.reference = reference.Normalised();
  return pulled;
}

// Gets the layers that are missing from the source, and keeps the image.
Result<PulledImage> ImageStore::State::Complete(const ResolvedImage& image, const Supply& supply,
                                                Interrupt& interrupt, TransferProgress& progress) {
  ledger.Hold(image.record.chain_ids);  // from here on nobody removes what is there already
  BlobHold blob_hold = blobs.Hold(DigestsOf(image.layers));
  Result<bool> changed = Guarded("get", "layers", [&]() -> Result<bool> {
    TRY(FetchLayers(image, layers, supply, interrupt, progress));
    TRY(supply.keep_blobs());
    return catalog.Add(image.record, [&] { return MakeDurable(image.record); });
  });
  blob_hold.Release();
  leftovers.KeepOrRemove(ledger.Release(image.record.chain_ids));
  if (!changed) return std::unexpected(std::move(changed).error());
  return PulledImage{TRY(catalog.Find(image.record.id, Which::kListed)), /*reference=*/"", image.root_digest,
                     image.warning, !*changed};
}

Result<> ImageStore::State::FetchLayers(const ResolvedImage& image, LayerTarget& target, const Supply& supply,
                                        Interrupt& interrupt, TransferProgress& progress) {
  progress.Begin(image.layers);
  LayerSource inputs{supply.source,
                     supply.origin,
                     /*patience_ms=*/config.low_speed_seconds * 1000LL,
                     target,
                     blobs,
                     supply.retention,
                     config.unpack_program,
                     image,
                     interrupt,
                     progress};
  return PullLayers(inputs, ledger, static_cast<size_t>(std::max(config.parallel_layers, 1)));
}

// A layer may have come from another pull, whose own attempt at this failed and took the layer with it.
Result<> ImageStore::State::MakeDurable(const ImageSummary& pulled) {
  TRY(layers.Sync(pulled.chain_ids));
  for (const std::string& chain_id : pulled.chain_ids) {
    if (!layers.Has(chain_id))
      return Fail(Code::kUnavailable, "keep layer", chain_id, "it was lost to a failed sync");
  }
  return {};
}

// Held first, then in an image: a pull puts its image into the catalog before it lets its holds go.
bool ImageStore::State::InUse(const std::string& chain_id) {
  return ledger.IsHeld(chain_id) || catalog.UsesLayer(chain_id);
}

// The blobs of all images that keep them.
Result<std::set<std::string>> ImageStore::State::KeptBlobs() const {
  return BlobsKeptBy(catalog.List(Which::kAny));
}

Result<std::set<std::string>> ImageStore::State::BlobsKeptBy(std::vector<ImageSummary> images) const {
  if (!config.retention.blobs) std::erase_if(images, [](const auto& image) { return !image.keeps_blobs; });
  return catalog.BlobsOf(images);
}

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::~ImageStore() = default;

Result<std::unique_ptr<ImageStore>> ImageStore::Open(Config config, LayerStore& layers, ImageRecords& records,
                                                     BlobStore& blobs) {
  auto state = std::make_unique<State>(std::move(config), layers, records, blobs);
  TRY(state->catalog.Load([&layers](const ImageSummary& image) {
    return std::ranges::all_of(image.chain_ids,
                               [&layers](const std::string& chain_id) { return layers.Has(chain_id); });
  }));
  state->leftovers.TakeOver();
  return std::unique_ptr<ImageStore>(new ImageStore(std::move(state)));
}

Result<PulledImage> ImageStore::Pull(const PullRequest& request) {
  Reference reference = TRY(ParseReference(request.reference));
  std::string key = TRY(FlightKey(reference, request.auth));
  PullFlight::Passenger passenger{request.deadline_ms, request.cancelled};
  auto named = [&reference](Error error) {
    return std::unexpected(Within("pull " + reference.Normalised(), error));
  };
  while (true) {
    if (auto check = passenger.Check(); !check) return named(check.error());
    auto [result, ours] = state_->flights.Fly(
        key, passenger,
        [&](PullFlight& flight) {
          if (request.on_progress) request.on_progress(flight.progress());
        },
        [&](PullFlight& flight) { return state_->RunPull(reference, request, flight); });
    if (result) return result;
    // Our own reason to stop says more than "cancelled".
    if (auto check = passenger.Check(); !check) return named(check.error());
    if (ours || result.error().code != Code::kCancelled) return named(std::move(result).error());
    // All others gave up just as this caller came aboard: once more.
  }
}

Platform ImageStore::platform() const {
  return state_->HostOrConfigured();
}

RegistryClient::Options ImageStore::transfers() const {
  return state_->Transfers();
}

// The source can send everything once more: no copy is made of its blobs on their way.
Result<PulledImage> ImageStore::Add(const ResolvedImage& image, BlobSource& source, const Interrupt& wanted,
                                    TransferProgress& progress, const std::function<Result<>()>& keep_blobs) {
  Interrupt interrupt([&wanted] { return wanted.Check().has_value(); });
  return state_->Complete(image, {source, /*origin=*/"", Retention(), keep_blobs}, interrupt, progress);
}

Result<> ImageStore::Pin(const std::string& ref) {
  return state_->catalog.Pin(ref);
}

Result<> ImageStore::CheckCredentials(const std::string& registry, const RegistryAuth& auth,
                                      std::function<bool()> cancelled) const {
  Result<Reference> reference = ParseReference(registry + "/image");
  if (!reference || reference->host != registry)
    return Fail(Code::kInvalidArgument, "log in to", registry, "write the registry as HOST or HOST:PORT");
  Interrupt interrupt([&cancelled] { return !cancelled(); });
  auto hosts = TRY(RegistryHostsFor(registry, state_->config.certs_d));
  auto client = TRY(
      RegistryClient::Create({registry, "", "", ""}, std::move(hosts), auth, state_->Transfers(), interrupt));
  return client->CheckLogin();
}

Result<ImageSummary> ImageStore::Find(const std::string& ref, Which which) const {
  return state_->catalog.Find(ref, which);
}

Result<ImageRecord> ImageStore::Read(const std::string& ref) const {
  return state_->catalog.Read(ref, Which::kAny);
}

Result<ImageRecord> ImageStore::ReadWithIndexes(const std::string& ref) const {
  return state_->catalog.ReadWithIndexes(ref, Which::kAny);
}

Result<HeldImage> ImageStore::FindAndHold(const std::string& ref) {
  return FindAndHold(ref, Which::kListed);
}

Result<HeldImage> ImageStore::FindAndHold(const std::string& ref, Which which) {
  LayerHold layers;
  auto hold = [&](const ImageSummary& image) { layers = Hold(image.chain_ids); };
  ImageSummary image = TRY(state_->catalog.Find(ref, which, hold));
  return HeldImage{TRY(state_->catalog.Read(image.id, which)), std::move(layers)};
}

std::vector<ImageSummary> ImageStore::List(Which which) const {
  return state_->catalog.List(which);
}

Result<> ImageStore::AddRepoDigest(const std::string& ref, const std::string& repo_digest) {
  return state_->catalog.AddRepoDigest(ref, repo_digest);
}

Result<TaggedImage> ImageStore::Tag(const std::string& ref, const std::string& tag) {
  return state_->catalog.Tag(ref, tag);
}

Result<TaggedImage> ImageStore::Untag(const std::string& tag) {
  return state_->catalog.Untag(tag);
}

Result<> ImageStore::Settle(const std::string& id) {
  return state_->catalog.Settle(id);
}

Result<> ImageStore::Remove(const std::string& ref,
                            const std::function<Result<>(const ImageSummary&)>& allowed) {
  auto removed = TRY(state_->catalog.Remove(ref, allowed));
  if (!removed) return {};
  state_->leftovers.Remove(std::move(removed->chain_ids));
  state_->leftovers.Sweep(removed->blobs);  // whoever removes images needs space
  return {};
}

LayerHold ImageStore::Hold(std::vector<std::string> chain_ids) {
  state_->ledger.Hold(chain_ids);
  return LayerHold([this, chain_ids = std::move(chain_ids)] {
    std::vector<std::string> released = state_->ledger.Release(chain_ids);
    if (!state_->keep_released) state_->leftovers.Remove(released);
  });
}

Result<std::vector<BlobInfo>> ImageStore::Blobs() const {
  return state_->blobs.List();
}

Result<std::set<std::string>> ImageStore::BlobsKeptBy(std::vector<ImageSummary> images) const {
  return state_->BlobsKeptBy(std::move(images));
}

void ImageStore::DropBlobs(const std::vector<std::string>& digests) {
  state_->leftovers.Sweep({digests.begin(), digests.end()});
}

Result<std::vector<LooseLayer>> ImageStore::LooseLayers() const {
  std::vector<LooseLayer> loose;
  std::set<std::string> held = state_->ledger.Held();  // in this order: see InUse
  std::set<std::string> of_images = state_->catalog.Layers();
  for (const StoredLayer& layer : TRY(state_->layers.List()))
    if (!of_images.contains(layer.chain_id)) loose.push_back({layer.chain_id, held.contains(layer.chain_id)});
  return loose;
}

void ImageStore::RemoveLeftovers() {
  state_->leftovers.RemoveAll();
}

void ImageStore::SweepRegularly() {
  state_->leftovers.SweepRegularly();
}

void ImageStore::KeepReleased() {
  state_->keep_released = true;
}

std::set<std::string> ImageStore::LiveLayers() const {
  std::set<std::string> live = state_->ledger.Held();  // in this order: see InUse
  live.merge(state_->catalog.Layers());
  live.insert(state_->leftovers.Layers().begin(), state_->leftovers.Layers().end());
  return live;
}

}  // namespace davit::images
