// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verification and repair.
#include <algorithm>
#include <tuple>
#include <utility>

#include "base/guarded.h"
#include "base/priority.h"
#include "images/archive/blob_keeper.h"
#include "images/blob_source.h"
#include "images/image_repair.h"
#include "images/image_store_state.h"

namespace davit::images {
namespace {

// Of one image, per check: the others wait. What it has fetched stays for the next check.
constexpr int64_t kLongestRestoreMs = 10 * 60 * 1000;

// The kept blobs: one that is damaged is none.
class GoodBlobSource : public BlobSource {
 public:
  GoodBlobSource(const BlobStore& blobs, const Interrupt& interrupt) : kept_(blobs, interrupt) {}

  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override {
    WatchedSink watched(sink);
    auto sent = kept_.Send(descriptor, watched);
    bool damaged = !sent && !watched.failed() && sent.error().code == Code::kDataLoss;
    if (damaged) sent = Fail(Code::kNotFound, "read blob", descriptor.digest, "it is damaged");
    return sent;
  }

 private:
  StoredBlobSource kept_;
};

std::string NameOf(const ImageSummary& image) {
  return image.repo_tags.empty() ? image.id : image.repo_tags.front();
}

}  // namespace

Result<ImageHealth> ImageStore::Verify(const std::string& ref, CheckDepth depth, const Interrupt& wanted,
                                       CheckedLayers& checked) {
  HeldImage held = TRY(FindAndHold(ref, Which::kAny));
  return CheckImage(held.record, {state_->layers, state_->blobs}, depth, wanted, checked);
}

Result<ImageHealth> ImageStore::Repair(const RepairRequest& request) {
  Interrupt interrupt([&request] { return !request.cancelled || !request.cancelled(); });
  CheckedLayers checked;
  ImageHealth found = TRY(Verify(request.reference, CheckDepth::kContents, interrupt, checked));
  if (request.on_found) request.on_found(found);
  if (found.IsWhole()) return found;
  HeldImage held = TRY(FindAndHold(found.image.id, Which::kAny));
  StoredBlobSource kept(state_->blobs, interrupt);
  RegistryBlobSource registries(held.record.repo_digests, request.auths, state_->Transfers(), interrupt);
  BlobSources sources({&kept, &registries});
  auto progress = std::make_shared<TransferProgress>();
  if (request.on_progress) request.on_progress(progress);
  auto mended = state_->Mend(found, held.record, sources, interrupt, *progress);
  if (mended && found.image.incomplete) mended = state_->ListAgain(held.record);
  if (!mended) {
    // A failed sync removes layers that were fetched; an image is listed only if it has all.
    auto has = [this](const std::string& chain_id) { return state_->layers.Has(chain_id); };
    if (!std::ranges::all_of(found.image.chain_ids, has)) state_->catalog.SetAside(found.image.id);
    return std::unexpected(Within("repair " + NameOf(found.image), std::move(mended).error()));
  }
  return found;
}

// The caller holds the layers. A blob that cannot be fetched is no reason to leave a layer damaged.
Result<> ImageStore::State::Mend(const ImageHealth& found, ImageRecord record, BlobSource& source,
                                 Interrupt& interrupt, TransferProgress& progress) {
  ResolvedImage image = TRY(ResolvedFrom(std::move(record)));
  BlobHold hold = blobs.Hold(DigestsOf(image.layers));
  Result<> mended;
  auto attempt = [&mended](Result<> result) {
    if (!result && mended) mended = std::move(result);
  };
  for (const std::string& digest : found.bad_blobs)
    attempt(blobs.Remove(digest));  // no layer is read from it
  ReplacingLayers target(layers, DamagedLayersOf(found));
  TRY(FetchLayers(image, target, PullFrom(source, /*origin=*/""), interrupt, progress));
  TRY(MakeDurable(image.record));
  // A kept document is in the record, too; only a layer has to be fetched.
  for (const Descriptor& layer : image.layers)
    if (std::ranges::find(found.bad_blobs, layer.digest) != found.bad_blobs.end())
      attempt(KeepBlob(blobs, layer, source, interrupt));
  return mended;
}

// A pull or the check after the start may have listed it first.
Result<> ImageStore::State::ListAgain(const ImageRecord& record) {
  auto listed = catalog.Relist(record, [&] { return MakeDurable(record); });
  bool already = !listed && catalog.Find(record.id, Which::kListed);
  return already ? Result<>() : listed;
}

StartFindings ImageStore::CheckAfterStart(const Interrupt& wanted) {
  StartFindings findings;
  std::set<std::string> withdrawn = state_->WithdrawDamaged(wanted, findings);
  if (wanted.Check()) std::ignore = state_->layers.NoteChecked();
  auto is_withdrawn = [&withdrawn](const std::string& chain_id) { return withdrawn.contains(chain_id); };
  for (const ImageSummary& image : List()) {
    if (std::ranges::none_of(image.chain_ids, is_withdrawn)) continue;
    state_->catalog.SetAside(image.id);
  }
  // A registry that does not answer must not delay what the node can restore itself.
  using From = State::RestoreFrom;
  for (From from : {From::kBlobs, From::kRegistries})
    for (const ImageSummary& image : state_->catalog.Incomplete())
      if (wanted.Check()) state_->Recover(image, from, wanted, findings);
  return findings;
}

// What cannot be checked stays: it is no worse than it was.
std::set<std::string> ImageStore::State::WithdrawDamaged(const Interrupt& wanted, StartFindings& findings) {
  std::set<std::string> withdrawn;
  for (const std::string& chain_id : layers.OfLastBoot()) {
    ++findings.layers_checked;
    if (!IsDamaged(chain_id, wanted) || !ledger.WaitAndClaim(chain_id, wanted)) continue;
    // A repair may have replaced it during the check; now nobody can.
    if (IsDamaged(chain_id, wanted) && layers.Withdraw(chain_id)) withdrawn.insert(chain_id);
    ledger.Unclaim(chain_id);
  }
  findings.damaged_layers.assign(withdrawn.begin(), withdrawn.end());
  return withdrawn;
}

bool ImageStore::State::IsDamaged(const std::string& chain_id, const Interrupt& wanted) const {
  auto check = layers.Check(chain_id, CheckDepth::kEntries, [&] { return wanted.Check().has_value(); });
  return check ? check->problems > 0 : check.error().code == Code::kDataLoss;
}

Result<> ImageStore::State::Restore(const ImageSummary& image, RestoreFrom from, const Interrupt& wanted) {
  ScopedPriority normal(Priority::kNormal);  // pulls may wait for these layers
  int64_t end_ms = MonotonicMilliseconds() + kLongestRestoreMs;
  // A failure stops this one.
  Interrupt interrupt([&] { return wanted.Check().has_value() && MonotonicMilliseconds() < end_ms; });
  ImageRecord record = TRY(catalog.ReadIncomplete(image.id));
  ImageHealth found{image, {}, {}, {}};
  GoodBlobSource kept(blobs, interrupt);
  RegistryBlobSource registries(image.repo_digests, {}, Transfers(), interrupt);
  std::vector<BlobSource*> sources = {&kept};
  if (from == RestoreFrom::kRegistries) {
    sources.push_back(&registries);
    found.bad_blobs = FindMissingBlobs(record, blobs);
  }
  BlobSources source(std::move(sources));
  TransferProgress unobserved;
  TRY(Mend(found, record, source, interrupt, unobserved));
  return catalog.Relist(record, [&] { return MakeDurable(image); });
}

// Errors have passing reasons, such as a full disk, or a registry that does not answer or is cut off (which
// is kDataLoss). But nobody waits for an image for ever that a pull can bring back: its layers are in
// nobody's list. A record may be all that leads to blobs that exist nowhere else.
bool ImageStore::State::IsLost(const ImageSummary& image, const Error& why, const Interrupt& wanted) const {
  bool nobody_has_it = why.code == Code::kNotFound;
  bool late = MonotonicMilliseconds() - opened_ms >= config.retention.unfinished_ms;
  if (!image.keeps_blobs) return nobody_has_it || late;
  auto record = catalog.ReadIncomplete(image.id);
  if (!record) return false;
  if (!ResolvedFrom(*record)) return true;
  if (!nobody_has_it) return false;
  auto bad = FindBadBlobs(*record, blobs, wanted);
  return bad && !bad->empty();
}

// Nobody pulls the image of a local container again. One hold is that of `Recover` itself.
bool ImageStore::State::HasContainers(const ImageSummary& image) const {
  return std::ranges::any_of(image.chain_ids,
                             [&](const std::string& chain_id) { return ledger.HoldsOn(chain_id) > 1; });
}

// Decides about an image that was not restored; it may have been removed or pulled meanwhile.
bool ImageStore::State::StaysIncomplete(const ImageSummary& image, RestoreFrom from, const Error& why,
                                        const Interrupt& wanted, StartFindings& findings) {
  if (!wanted.Check()) return true;
  auto now = catalog.Find(image.id, Which::kAny);
  if (!now || !now->incomplete) return false;
  if (from == RestoreFrom::kBlobs) return true;  // the registries are still to be asked
  bool lost = !HasContainers(image) && IsLost(image, why, wanted);
  if (!lost) findings.postponed.push_back(NameOf(image));
  if (lost && catalog.Forget(image.id).value_or(false)) findings.forgotten.push_back(NameOf(image));
  return !lost;
}

// What stays incomplete keeps its layers and blobs.
void ImageStore::State::Recover(const ImageSummary& image, RestoreFrom from, const Interrupt& wanted,
                                StartFindings& findings) {
  ledger.Hold(image.chain_ids);  // a removal may end the image meanwhile
  auto restored = Guarded("restore", image.id, [&] { return Restore(image, from, wanted); });
  std::vector<std::string> released = ledger.Release(image.chain_ids);
  if (restored)
    findings.repaired.push_back(NameOf(image));
  else if (StaysIncomplete(image, from, restored.error(), wanted, findings))
    return;
  for (const std::string& chain_id : image.chain_ids) std::ignore = layers.Renew(chain_id);
  leftovers.KeepOrRemove(std::move(released));
}

}  // namespace davit::images
