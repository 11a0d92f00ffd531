// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_store.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "base/thread_annotations.h"
#include "images/blob_source.h"
#include "images/digest.h"
#include "images/foreign_layers.h"
#include "images/image_blobs.h"
#include "images/image_index.h"
#include "images/image_resolve.h"
#include "images/layer_ledger.h"
#include "images/layer_pull.h"
#include "images/leftovers.h"
#include "images/pull_flight.h"
#include "images/reference.h"
#include "images/registry_client.h"
#include "images/registry_host.h"

namespace davit::images {
namespace {

// Pulls are the same when they ask for the same thing with the same credentials: nobody gets an image, or an
// error, by somebody else's password. The digest keeps the secrets out of a map's key.
Result<std::string> FlightKey(const Reference& reference, const std::optional<RegistryAuth>& auth) {
  RegistryAuth none;
  const RegistryAuth& a = auth ? *auth : none;
  std::string text;
  for (const std::string* part : a.Fields()) text += std::to_string(part->size()) + ":" + *part;
  return reference.Normalised() + " " + TRY(Sha256Of(text));
}

std::vector<std::string> DigestsOf(const std::vector<Descriptor>& layers) {
  std::vector<std::string> digests;
  for (const Descriptor& layer : layers) digests.push_back(layer.digest);
  return digests;
}

// The normalised form of NAME[:TAG].
Result<std::string> ParseTag(const std::string& text) {
  Reference reference = TRY(ParseReference(text));
  if (reference.digest.empty()) return reference.Normalised();
  return Fail(Code::kInvalidArgument, "read tag", text, "a digest cannot be given or taken away");
}

}  // namespace

struct ImageStore::State {
  State(Config config_, LayerStore& layers_, ImageRecords& records_, BlobStore& blobs_)
      : config(std::move(config_)),
        layers(layers_),
        blobs(blobs_),
        records(records_),
        stored(records_),
        leftovers(config.retention, layers, ledger, blobs,
                  {[this](const std::string& chain_id) { return InUse(chain_id); },
                   [this] { return KeptBlobs(); }}) {}

  Result<> Load();
  Result<PulledImage> RunPull(const Reference& reference, const PullRequest& request, PullFlight& flight);
  Result<PulledImage> Complete(const ResolvedImage& image, BlobSource& source, Interrupt& interrupt,
                               PullProgress& progress);
  Result<bool> Keep(const ImageRecord& pulled);
  bool Knows(const std::string& id) const;
  Result<> Apply(const ImageIndex::Change& change, const std::function<Result<>()>& put_added)
      REQUIRES(changing);
  Result<> Retag(const ImageIndex::Change& change) REQUIRES(changing);
  Result<> MakeDurable(const ImageSummary& pulled);
  bool InUse(const std::string& chain_id);
  Result<std::set<std::string>> KeptBlobs() const;
  Platform HostOrConfigured() const;
  RegistryClient::Options Transfers() const;

  const Config config;
  LayerStore& layers;
  BlobStore& blobs;
  LayerLedger ledger;
  std::atomic<bool> keep_released = false;

  // Every change of the records and the index happens under this one, which is taken first; reading the index
  // takes only `mutex`, so that List never waits for a disk.
  Mutex changing;
  ImageRecords& records GUARDED_BY(changing);
  const ImageRecords& stored;  // the same, to read them without the lock
  mutable Mutex mutex;
  ImageIndex index GUARDED_BY(mutex);

  Mutex flights_mutex;
  std::map<std::string, std::shared_ptr<PullFlight>> flights GUARDED_BY(flights_mutex);

  // The flight for `key` and whether the caller is to do its work.
  std::pair<std::shared_ptr<PullFlight>, bool> Board(const std::string& key,
                                                     const PullFlight::Passenger& passenger,
                                                     PullFlight::Ticket& ticket);
  void EndFlight(const std::string& key, const std::shared_ptr<PullFlight>& flight);

  Leftovers leftovers;  // last member, because its thread uses the others
};

Result<> ImageStore::State::Load() {
  MutexLock changing_lock(changing);
  for (const ImageSummary& image : TRY(records.All())) {
    bool whole = std::all_of(image.chain_ids.begin(), image.chain_ids.end(),
                             [this](const std::string& chain_id) { return layers.Has(chain_id); });
    if (whole) {
      MutexLock lock(mutex);
      index.Put(image);
    } else {
      TRY(records.Remove(image.id));
    }
  }
  return {};
}

Platform ImageStore::State::HostOrConfigured() const {
  Platform platform = HostPlatform();
  if (!config.platform_os.empty()) platform.os = config.platform_os;
  if (!config.arch.empty()) platform = {platform.os, config.arch, ""};
  return platform;
}

RegistryClient::Options ImageStore::State::Transfers() const {
  return {{config.low_speed_bytes, config.low_speed_seconds, config.connect_timeout_seconds},
          config.retry,
          config.certs_d};
}

std::pair<std::shared_ptr<PullFlight>, bool> ImageStore::State::Board(const std::string& key,
                                                                      const PullFlight::Passenger& passenger,
                                                                      PullFlight::Ticket& ticket) {
  MutexLock lock(flights_mutex);
  if (auto flight = flights.find(key); flight != flights.end() && flight->second->Join(passenger, ticket)) {
    return {flight->second, false};
  }
  auto flight = std::make_shared<PullFlight>();
  flight->Join(passenger, ticket);
  flights[key] = flight;
  return {flight, true};
}

void ImageStore::State::EndFlight(const std::string& key, const std::shared_ptr<PullFlight>& flight) {
  MutexLock lock(flights_mutex);
  // One that was given up may have been replaced already.
  if (auto current = flights.find(key); current != flights.end() && current->second == flight)
    flights.erase(current);
}

Result<PulledImage> ImageStore::State::RunPull(const Reference& reference, const PullRequest& request,
                                               PullFlight& flight) {
  Interrupt interrupt([&flight] { return flight.Wanted(); });
  auto hosts = TRY(RegistryHostsFor(reference.host, config.certs_d));
  auto registry =
      TRY(RegistryClient::Create(reference, std::move(hosts), request.auth, Transfers(), interrupt));
  ResolvedImage image = TRY(ResolveImage(*registry, reference, HostOrConfigured()));

  ForeignLayers foreign(Transfers(), TRY(ProxySettings::OfThisProcess()));
  PullSource source(*registry, foreign, interrupt);
  PulledImage pulled = TRY(Complete(image, source, interrupt, *flight.progress()));
  pulled.reference = reference.Normalised();
  return pulled;
}

// Gets the layers that are missing from the source, and keeps the image.
Result<PulledImage> ImageStore::State::Complete(const ResolvedImage& image, BlobSource& source,
                                                Interrupt& interrupt, PullProgress& progress) {
  ledger.Hold(image.record.chain_ids);  // from here on nobody removes what is there already
  BlobHold blob_hold = blobs.Hold(DigestsOf(image.layers));
  progress.Begin(image.layers);
  LayerSource inputs{source, layers,    blobs,   config.retention, config.unpack_program,
                     image,  interrupt, progress};
  auto pulled = PullLayers(inputs, ledger, static_cast<size_t>(std::max(config.parallel_layers, 1)));
  Result<bool> changed = pulled ? Keep(image.record) : std::unexpected(std::move(pulled).error());
  blob_hold.Release();
  leftovers.KeepOrRemove(ledger.Release(image.record.chain_ids));
  if (!changed) return std::unexpected(std::move(changed).error());
  MutexLock lock(mutex);
  return PulledImage{TRY(index.Find(image.record.id)), /*reference=*/"", image.root_digest, image.warning,
                     !*changed};
}

bool ImageStore::State::Knows(const std::string& id) const {
  MutexLock lock(mutex);
  return index.Find(id).has_value();
}

// A layer may have come from another pull, whose own attempt at this failed and took the layer with it.
Result<> ImageStore::State::MakeDurable(const ImageSummary& pulled) {
  TRY(layers.Sync());
  for (const std::string& chain_id : pulled.chain_ids) {
    if (!layers.Has(chain_id))
      return Fail(Code::kUnavailable, "keep layer", chain_id, "it was lost to a failed sync");
  }
  return {};
}

// Data first, then the record that says that it exists. The layers of a known image are durable. A sync may
// take seconds: other images can be changed meanwhile, unless this one was known and is removed just now.
// Returns whether anything has changed.
Result<bool> ImageStore::State::Keep(const ImageRecord& pulled) {
  bool durable = Knows(pulled.id);
  if (!durable) TRY(MakeDurable(pulled));
  MutexLock changing_lock(changing);
  if (durable && !Knows(pulled.id)) TRY(MakeDurable(pulled));
  ImageIndex::Change change;
  {
    MutexLock lock(mutex);
    auto before = index.Find(pulled.id);
    change = index.Plan(pulled);
    if (before && *before == change.added && change.untagged.empty()) return false;
  }
  TRY(Apply(change, [&]() REQUIRES(changing) {
    return records.Put({change.added, pulled.config_json, pulled.manifest_json});
  }));
  return true;
}

// A crash in between loses a tag, which a pull brings back; the other order would leave one with two images.
Result<> ImageStore::State::Apply(const ImageIndex::Change& change,
                                  const std::function<Result<>()>& put_added) {
  for (const ImageSummary& untagged : change.untagged) TRY(records.PutSummary(untagged));
  auto put = put_added();
  MutexLock lock(mutex);
  for (const ImageSummary& untagged : change.untagged) index.Put(untagged);
  if (put) index.Put(change.added);
  return put;
}

Result<> ImageStore::State::Retag(const ImageIndex::Change& change) {
  return Apply(change, [&]() REQUIRES(changing) { return records.PutSummary(change.added); });
}

// Held first, then in an image: a pull puts its image into the index before it lets its holds go.
bool ImageStore::State::InUse(const std::string& chain_id) {
  if (ledger.IsHeld(chain_id)) return true;
  MutexLock lock(mutex);
  return index.UsesLayer(chain_id);
}

// The blobs of all images that keep them.
Result<std::set<std::string>> ImageStore::State::KeptBlobs() const {
  std::vector<ImageSummary> images;
  {
    MutexLock lock(mutex);
    images = index.List();
  }
  if (!config.retention.blobs) std::erase_if(images, [](const auto& image) { return !image.keeps_blobs; });
  return BlobsOf(images, stored);
}

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::~ImageStore() = default;

Result<std::unique_ptr<ImageStore>> ImageStore::Open(Config config, LayerStore& layers, ImageRecords& records,
                                                     BlobStore& blobs) {
  auto state = std::make_unique<State>(std::move(config), layers, records, blobs);
  TRY(state->Load());
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
    PullFlight::Ticket ticket;
    auto [flight, ours] = state_->Board(key, passenger, ticket);
    if (request.on_progress) request.on_progress(flight->progress());
    Result<PulledImage> result;
    if (ours) {
      result = state_->RunPull(reference, request, *flight);
      state_->EndFlight(key, flight);
      flight->Land(result);
    } else {
      result = flight->Wait(ticket);
    }
    flight->Leave(ticket);
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

Result<PulledImage> ImageStore::Add(const ResolvedImage& image, BlobSource& source, const Interrupt& wanted) {
  Interrupt interrupt([&wanted] { return wanted.Check().has_value(); });
  PullProgress unobserved;
  return state_->Complete(image, source, interrupt, unobserved);
}

Result<> ImageStore::Pin(const std::string& ref) {
  MutexLock changing_lock(state_->changing);
  ImageSummary image = TRY(Find(ref));
  if (std::exchange(image.pinned, true)) return {};
  TRY(state_->records.PutSummary(image));
  MutexLock lock(state_->mutex);
  state_->index.Put(image);
  return {};
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

Result<ImageSummary> ImageStore::Find(const std::string& ref) const {
  MutexLock lock(state_->mutex);
  return state_->index.Find(ref);
}

Result<ImageRecord> ImageStore::Read(const std::string& ref) const {
  return state_->stored.Get(TRY(Find(ref)).id);
}

Result<HeldImage> ImageStore::FindAndHold(const std::string& ref) {
  ImageSummary image;
  LayerHold layers;
  {
    MutexLock lock(state_->mutex);
    image = TRY(state_->index.Find(ref));
    layers = Hold(image.chain_ids);
  }
  return HeldImage{TRY(state_->stored.Get(image.id)), std::move(layers)};
}

std::vector<ImageSummary> ImageStore::List() const {
  MutexLock lock(state_->mutex);
  return state_->index.List();
}

Result<TaggedImage> ImageStore::Tag(const std::string& ref, const std::string& tag) {
  std::string name = TRY(ParseTag(tag));
  MutexLock changing_lock(state_->changing);
  ImageSummary image = TRY(Find(ref));
  TaggedImage tagged{image.id, name};
  if (std::ranges::find(image.repo_tags, name) != image.repo_tags.end()) return tagged;
  image.repo_tags.push_back(std::move(name));
  ImageIndex::Change change;
  {
    MutexLock lock(state_->mutex);
    change = state_->index.Plan(std::move(image));
  }
  TRY(state_->Retag(change));
  return tagged;
}

Result<TaggedImage> ImageStore::Untag(const std::string& tag) {
  std::string name = TRY(ParseTag(tag));
  MutexLock changing_lock(state_->changing);
  ImageIndex::Change change{TRY(Find(name)), {}};
  std::erase(change.added.repo_tags, name);
  TRY(state_->Retag(change));
  return TaggedImage{change.added.id, std::move(name)};
}

Result<> ImageStore::Remove(const std::string& ref) {
  ImageSummary image;
  std::set<std::string> blobs;
  {
    MutexLock changing_lock(state_->changing);
    auto found = Find(ref);
    if (!found && found.error().code == Code::kNotFound) return {};
    image = TRY(std::move(found));
    blobs = BlobsOf({image}, state_->stored).value_or(blobs);  // unreadable: they become leftovers
    TRY(state_->records.Remove(image.id));                     // durably, before the first file goes
    MutexLock lock(state_->mutex);
    state_->index.Remove(image.id);
  }
  state_->leftovers.Remove(image.chain_ids);
  state_->leftovers.Sweep(blobs);  // whoever removes images needs space
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

void ImageStore::DropBlobs(const std::vector<std::string>& digests) {
  state_->leftovers.Sweep({digests.begin(), digests.end()});
}

void ImageStore::SweepRegularly() {
  state_->leftovers.SweepRegularly();
}

void ImageStore::KeepReleased() {
  state_->keep_released = true;
}

std::set<std::string> ImageStore::LiveLayers() const {
  std::set<std::string> live = state_->ledger.Held();  // in this order: see InUse
  MutexLock lock(state_->mutex);
  live.merge(state_->index.Layers());
  live.insert(state_->leftovers.Layers().begin(), state_->leftovers.Layers().end());
  return live;
}

}  // namespace davit::images
