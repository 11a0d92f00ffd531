// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/rollback.h"
#include "local/volume_fill.h"
#include "local/volume_parts.h"
#include "local/volumes.h"

namespace davit::local {

Result<std::vector<std::string>> Volumes::Mount(const std::string& container,
                                                const std::vector<VolumeUse>& uses,
                                                const std::vector<std::string>& chain_ids, const Gone& gone) {
  std::vector<std::string> made;
  Rollback rollback;
  rollback.Add([&] { Unmount(container, uses, made); });
  for (const VolumeUse& use : uses)
    if (TRY(MakeForUse(container, use))) made.push_back(use.volume);
  TRY(FillFor(uses, chain_ids, gone));
  rollback.Dismiss();
  return made;
}

// True if it has made the volume. It cannot be removed any more: the container uses it.
Result<bool> Volumes::MakeForUse(const std::string& container, const VolumeUse& use) {
  TRY(CheckVolumeName(use.volume));
  MutexLock changing(changing_);
  bool make = !Has(use.volume);
  if (make && use.must_exist) {
    return Fail(Code::kFailedPrecondition, "mount", use.volume,
                "the volume was removed meanwhile, with the container that had it");
  }
  if (make) TRY(Make({use.volume, ports_.clock.UnixNanoseconds(), use.anonymous, {}}));
  MutexLock lock(mutex_);
  entries_.at(use.volume).users.insert(container);
  return make;
}

void Volumes::Unmount(const std::string& container, const std::vector<VolumeUse>& uses,
                      const std::vector<std::string>& made) {
  Forget(container, uses);
  MutexLock changing(changing_);
  for (const std::string& name : made) LogUnremoved(name, RemoveUnused(name));
}

void Volumes::Adopt(const std::string& container, const std::vector<VolumeUse>& uses) {
  MutexLock lock(mutex_);
  for (const VolumeUse& use : uses) {
    auto found = entries_.find(use.volume);
    if (found != entries_.end()) found->second.users.insert(container);
  }
}

void Volumes::AdoptUnknown(const std::string& container) {
  MutexLock lock(mutex_);
  unknown_users_.insert(container);
}

void Volumes::Release(const std::string& container, const std::vector<VolumeUse>& uses,
                      AnonymousVolumes anonymous) {
  Forget(container, uses);
  if (anonymous == AnonymousVolumes::kStay) return;
  for (const VolumeUse& use : uses)
    if (use.anonymous) LogUnremoved(use.volume, Remove(use.volume));
}

void Volumes::Forget(const std::string& container, const std::vector<VolumeUse>& uses) {
  MutexLock lock(mutex_);
  unknown_users_.erase(container);
  for (const VolumeUse& use : uses) {
    auto found = entries_.find(use.volume);
    if (found != entries_.end()) found->second.users.erase(container);
  }
}

// Most volumes have files already: no image is mounted for them.
Result<> Volumes::FillFor(const std::vector<VolumeUse>& uses, const std::vector<std::string>& chain_ids,
                          const Gone& gone) {
  if (chain_ids.empty()) return {};
  UniqueFd image;
  for (const VolumeUse& use : uses) {
    if (!TRY(WantsFill(use))) continue;
    if (!image) image = TRY(ports_.snapshots.MountImage(chain_ids, {}));
    TRY(FillOne(use, image, gone));
  }
  return {};
}

Result<bool> Volumes::WantsFill(const VolumeUse& use) const {
  if (use.no_copy) return false;
  return IsUnfilled(TRY(OpenVolume(use.volume)).get());
}

Result<> Volumes::FillOne(const VolumeUse& use, const UniqueFd& image, const Gone& gone) {
  std::shared_ptr<Mutex> filling = FillLockOf(use.volume);
  MutexLock one(*filling);
  UniqueFd volume = TRY(OpenVolume(use.volume));
  UniqueFd staging = TRY(OpenPart(kStagingName));
  // The container that an anonymous volume belongs to does not survive a power failure itself.
  Fill fill{image.get(), use.target, volume.get(), staging.get(), TRY(NewId()), /*durable=*/!use.anonymous};
  Result<> filled = FillVolume(fill, [&] { return gone() || stop_; });
  if (!filled) return std::unexpected(Within("volume " + use.volume, std::move(filled).error()));
  return {};
}

// Of a volume that the caller's container uses.
std::shared_ptr<Mutex> Volumes::FillLockOf(const std::string& name) const {
  MutexLock lock(mutex_);
  return entries_.at(name).filling;
}

}  // namespace davit::local
