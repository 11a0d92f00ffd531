// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every snapshotter promises, whichever way it mounts: the suite runs once for each.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <thread>
#include <tuple>

#include "base/ids.h"
#include "base/open_beneath.h"
#include "snapshotter/directory.h"
#include "snapshotter/remove_tree.h"
#include "snapshotter/snapshotter.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Way {
  std::string name;
  OverlaySupport support;

  friend void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }
};

class SnapshotterContract : public ScratchTest, public ::testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ScratchTest::SetUp());
    if (IsSkipped()) return;
    auto kernel = ProbeOverlay(dir_.get());
    if (!kernel) GTEST_SKIP() << kernel.error().ToString();
    const OverlaySupport& wanted = GetParam().support;
    bool able =
        (kernel->lower_by_fd || !wanted.lower_by_fd) && (kernel->lower_by_path || !wanted.lower_by_path);
    if (!able) GTEST_SKIP() << "needs a newer kernel's overlayfs to name layers by " << GetParam().name;
    Reopen();
  }
  void TearDown() override {
    snapshotter_.reset();
    ScratchTest::TearDown();
  }

  void Reopen() {
    snapshotter_.reset();
    auto opened = Snapshotter::Open(root(), GetParam().support);
    ASSERT_TRUE(opened) << opened.error().ToString();
    snapshotter_ = std::move(*opened);
  }

  std::string root() const { return path_ + "/root"; }
  static std::string ChainId(int n) {
    std::string digits = std::to_string(n);
    return "sha256:" + std::string(64 - digits.size(), 'a') + digits;
  }
  static std::string NewContainer() { return NewId().value(); }

  // Commits the layer ChainId(n) with these files.
  std::string AddLayer(int n, const std::map<std::string, std::string>& files = {}) {
    auto layer = snapshotter_->StageLayer(ChainId(n));
    EXPECT_TRUE(layer) << layer.error().ToString();
    for (const auto& [name, data] : files) WriteTo(layer->get(), name, data);
    auto committed = snapshotter_->CommitLayer(ChainId(n));
    EXPECT_TRUE(committed) << committed.error().ToString();
    return ChainId(n);
  }
  // A container with these layers, mounted.
  UniqueFd Start(const std::string& id, const std::vector<std::string>& chain_ids) {
    auto prepared = snapshotter_->Prepare(id, chain_ids);
    EXPECT_TRUE(prepared) << prepared.error().ToString();
    return Mount(id, chain_ids);
  }
  UniqueFd Mount(const std::string& id, const std::vector<std::string>& chain_ids) {
    auto mounted = snapshotter_->Mount(id, chain_ids);
    EXPECT_TRUE(mounted) << mounted.error().ToString();
    return mounted ? std::move(*mounted) : UniqueFd();
  }
  std::vector<std::string> List(const std::string& folder) {
    auto fd = OpenDirectory(dir_.get(), "root/" + folder);
    EXPECT_TRUE(fd) << fd.error().ToString();
    return ListDirectory(fd->get()).value();
  }
  static size_t MountTableSize() {
    std::string table = ReadFile("/proc/self/mountinfo").value();
    return static_cast<size_t>(std::count(table.begin(), table.end(), '\n'));
  }

  std::unique_ptr<Snapshotter> snapshotter_;
};

INSTANTIATE_TEST_SUITE_P(, SnapshotterContract,
                         ::testing::Values(Way{"Descriptors", {.lower_by_fd = true, .lower_by_path = true}},
                                           Way{"Paths", {.lower_by_fd = false, .lower_by_path = true}},
                                           Way{"Strings", {.lower_by_fd = false, .lower_by_path = false}}),
                         [](const auto& way) { return way.param.name; });

// --- Layers ---

TEST_P(SnapshotterContract, ALayerIsSeenFromItsCommitOn) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "file", "content");
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->OpenLayer(ChainId(1)).error().code, Code::kNotFound);
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
  auto layer = snapshotter_->OpenLayer(ChainId(1));
  ASSERT_TRUE(layer) << layer.error().ToString();
  EXPECT_EQ(ReadFrom(layer->get(), "file"), "content");
  Reopen();
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, AStagedDirectoryHasItsModeWhateverTheUmask) {
  mode_t before = umask(077);
  auto staged = snapshotter_->StageLayer(ChainId(1));
  umask(before);
  ASSERT_TRUE(staged) << staged.error().ToString();
  struct stat stat{};
  ASSERT_EQ(fstat(staged->get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0755u);
}

TEST_P(SnapshotterContract, OneStagerAtATime) {
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(2)));
  snapshotter_->AbandonLayer(ChainId(1));
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, OnlyAStagedLayerCanBeCommittedAndOnlyOnce) {
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  AddLayer(1);
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kAlreadyExists);
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, WhatACrashLeftInStagingIsReplaced) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "half", "");
  Reopen();
  staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  EXPECT_THAT(ListDirectory(staged->get()).value(), IsEmpty());
}

TEST_P(SnapshotterContract, LayerUsageIsRecordedAndRepaired) {
  AddLayer(1, {{"a", std::string(10000, 'x')}, {"b", ""}});
  DiskUsage usage = snapshotter_->LayerUsage(ChainId(1)).value();
  EXPECT_EQ(usage.inodes, 3u);
  std::string record = "root/layers/" + ChainId(1).substr(7) + "/usage";
  EXPECT_EQ(ReadFrom(dir_.get(), record), std::to_string(usage.bytes) + " 3\n");
  for (const char* damaged : {"", "12", "12 ", "12 3", "12 3\nx", "x y\n", "-1 3\n"}) {
    WriteTo(dir_.get(), record, damaged);
    EXPECT_EQ(snapshotter_->LayerUsage(ChainId(1))->inodes, 3u) << damaged;
    EXPECT_THAT(ReadFrom(dir_.get(), record), ::testing::EndsWith(" 3\n"));
  }
  EXPECT_EQ(snapshotter_->LayerUsage(ChainId(2)).error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, ARemovedLayerIsGoneAtOnceAndCanComeBack) {
  AddLayer(1, {{"file", "old"}});
  ASSERT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  AddLayer(1, {{"file", "new"}});
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("trash"), IsEmpty());
  EXPECT_THAT(snapshotter_->DeletionProblems(), IsEmpty());
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(ChainId(1))->get(), "file"), "new");
}

// --- Containers ---

TEST_P(SnapshotterContract, MountPointsLieBelowTheImage) {
  std::string image = AddLayer(1, {{"hosts", "the image's"}});
  ASSERT_TRUE(snapshotter_->AddMountPoints({"proc", "etc"}, {"hosts", "etc/hostname"}));
  ASSERT_TRUE(snapshotter_->AddMountPoints({"proc", "etc"}, {"hosts", "etc/hostname"})) << "again";
  std::string id = NewContainer();
  UniqueFd mounted = Start(id, {image});

  EXPECT_EQ(ReadFrom(mounted.get(), "hosts"), "the image's");
  if (!GetParam().support.lower_by_path) return;  // this way does without
  EXPECT_EQ(ReadFrom(mounted.get(), "etc/hostname"), "");
  EXPECT_TRUE(OpenDirectory(mounted.get(), "proc"));
  EXPECT_EQ(snapshotter_->ContainerUsage(id)->inodes, 1U) << "the directory upper itself";
}

TEST_P(SnapshotterContract, MountPointsAreForImagesWithoutLayersToo) {
  ASSERT_TRUE(snapshotter_->AddMountPoints({"proc"}, {}));
  UniqueFd mounted = Start(NewContainer(), {});
  EXPECT_EQ(OpenDirectory(mounted.get(), "proc").has_value(), GetParam().support.lower_by_path);
}

TEST_P(SnapshotterContract, TheTopmostLayerWinsAndWritesStayInTheContainer) {
  std::vector<std::string> layers = {AddLayer(1, {{"all", "1"}, {"low", "1"}, {"gone", "1"}}),
                                     AddLayer(2, {{"all", "2"}}), AddLayer(3, {{"all", "3"}})};
  std::string id = NewContainer();
  UniqueFd rootfs = Start(id, layers);
  EXPECT_EQ(ReadFrom(rootfs.get(), "all"), "3");
  EXPECT_EQ(ReadFrom(rootfs.get(), "low"), "1");
  WriteTo(rootfs.get(), "all", "changed");
  ASSERT_EQ(unlinkat(rootfs.get(), "gone", 0), 0);
  EXPECT_EQ(ReadFrom(rootfs.get(), "all"), "changed");

  UniqueFd other = Start(NewContainer(), layers);
  EXPECT_EQ(ReadFrom(other.get(), "all"), "3");
  EXPECT_EQ(ReadFrom(other.get(), "gone"), "1");
}

TEST_P(SnapshotterContract, MountsAnyNumberOfLayers) {
  UniqueFd scratch = Start(NewContainer(), {});
  EXPECT_THAT(ListDirectory(scratch.get()).value(), IsEmpty());
  WriteTo(scratch.get(), "file", "x");

  std::vector<std::string> layers;
  for (int n = 0; n < 120; ++n) {
    layers.push_back(AddLayer(n, {{"layer" + std::to_string(n), ""}, {"top", std::to_string(n)}}));
    if (n != 0 && n != 1 && n != 13 && n != 14 && n != 15 && n != 119) continue;
    UniqueFd rootfs = Start(NewContainer(), layers);
    EXPECT_EQ(ReadFrom(rootfs.get(), "top"), std::to_string(n));
    EXPECT_EQ(ListDirectory(rootfs.get())->size(), static_cast<size_t>(n) + 2);
  }
}

TEST_P(SnapshotterContract, RefusesMoreLayersThanOverlayfsTakes) {
  std::vector<std::string> layers(501, AddLayer(1));
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, layers));
  auto mounted = snapshotter_->Mount(id, layers);
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, Code::kInvalidArgument);
  EXPECT_THAT(mounted.error().ToString(), HasSubstr("501 layers"));
}

TEST_P(SnapshotterContract, TheRootDirectoryIsTheTopmostLayers) {
  auto layer = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(layer) << layer.error().ToString();
  ASSERT_EQ(fchown(layer->get(), 12, 34), 0);
  ASSERT_EQ(fchmod(layer->get(), 01777), 0);
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(1)));
  UniqueFd rootfs = Start(NewContainer(), {AddLayer(0), ChainId(1)});
  struct stat stat{};
  ASSERT_EQ(fstat(rootfs.get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 01777u);
  EXPECT_EQ(stat.st_uid, 12u);
  EXPECT_EQ(stat.st_gid, 34u);
}

TEST_P(SnapshotterContract, MountingLeavesTheMountTableAlone) {
  std::vector<std::string> layers(30);
  for (int n = 0; n < 30; ++n) layers[static_cast<size_t>(n)] = AddLayer(n);
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, layers));
  size_t before = MountTableSize();
  UniqueFd rootfs = Mount(id, layers);
  EXPECT_EQ(MountTableSize(), before);
}

TEST_P(SnapshotterContract, AFailedStartCanBeTriedAgain) {
  std::vector<std::string> layers = {AddLayer(1, {{"file", "x"}})};
  std::string id = NewContainer();
  WriteTo(Start(id, layers).get(), "written", "first");
  for (int attempt = 0; attempt < 3; ++attempt) {
    UniqueFd rootfs = Mount(id, layers);
    EXPECT_EQ(ReadFrom(rootfs.get(), "written"), "first");
  }
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("trash"), IsEmpty());
}

TEST_P(SnapshotterContract, AttachesAtAPath) {
  std::vector<std::string> layers = {AddLayer(1, {{"file", "x"}})};
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, layers));
  EXPECT_EQ(snapshotter_->MountAt(id, layers, "relative").error().code, Code::kInvalidArgument);
  EXPECT_EQ(snapshotter_->MountAt(id, layers, path_ + "/absent").error().code, Code::kNotFound);
  std::string target = path_ + "/target";
  ASSERT_EQ(mkdir(target.c_str(), 0755), 0);
  auto mounted = snapshotter_->MountAt(id, layers, target);
  ASSERT_TRUE(mounted) << mounted.error().ToString();
  EXPECT_EQ(ReadFrom(dir_.get(), "target/file"), "x");
  std::string table = ReadFile("/proc/self/mountinfo").value();
  std::string line = table.substr(table.find(target));
  EXPECT_THAT(line.substr(0, line.find('\n')), HasSubstr("volatile"));
  EXPECT_EQ(umount2(target.c_str(), 0), 0);
}

// An unpacker that lets trusted.overlay.* through would hand an image the run of its own lower layers; this
// is the second line.
TEST_P(SnapshotterContract, ALayersRedirectsAreNotFollowed) {
  auto layer = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(layer) << layer.error().ToString();
  ASSERT_EQ(mkdirat(layer->get(), "secret", 0700), 0);
  WriteTo(layer->get(), "secret/file", "x");
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(1)));
  layer = snapshotter_->StageLayer(ChainId(2));
  ASSERT_TRUE(layer) << layer.error().ToString();
  ASSERT_EQ(mkdirat(layer->get(), "open", 0755), 0);
  UniqueFd open_dir(openat(layer->get(), "open", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(fsetxattr(open_dir.get(), "trusted.overlay.redirect", "/secret", 7, 0), 0);
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(2)));
  UniqueFd rootfs = Start(NewContainer(), {ChainId(1), ChainId(2)});
  EXPECT_FALSE(Exists(rootfs.get(), "open/file"));
}

TEST_P(SnapshotterContract, PreparesOnceAndOnlyFromCommittedLayers) {
  std::string id = NewContainer();
  auto missing = snapshotter_->Prepare(id, {AddLayer(1), ChainId(2)});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().subject, ChainId(2));
  EXPECT_THAT(List("containers"), IsEmpty());
  ASSERT_TRUE(snapshotter_->Prepare(id, {ChainId(1)}));
  EXPECT_EQ(snapshotter_->Prepare(id, {ChainId(1)}).error().code, Code::kAlreadyExists);
  EXPECT_EQ(snapshotter_->Mount(NewContainer(), {ChainId(1)}).error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, ARemovedContainerIsGoneAtOnceEvenWhileMounted) {
  std::string id = NewContainer();
  UniqueFd rootfs = Start(id, {AddLayer(1)});
  WriteTo(rootfs.get(), "file", "x");
  ASSERT_TRUE(snapshotter_->RemoveContainer(id));
  EXPECT_THAT(List("containers"), IsEmpty());
  EXPECT_TRUE(snapshotter_->RemoveContainer(id));
  EXPECT_EQ(snapshotter_->ContainerUsage(id).error().code, Code::kNotFound);
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("trash"), IsEmpty());
}

TEST_P(SnapshotterContract, ContainerUsageCountsWhatTheContainerWrote) {
  std::string id = NewContainer();
  UniqueFd rootfs = Start(id, {AddLayer(1, {{"big", std::string(1 << 20, 'x')}})});
  DiskUsage before = snapshotter_->ContainerUsage(id).value();
  WriteTo(rootfs.get(), "small", std::string(20000, 'x'));
  ASSERT_EQ(mkdirat(rootfs.get(), "dir", 0755), 0);
  // Blocks are only known once they are allocated, and a volatile overlay passes no sync on.
  syncfs(dir_.get());
  DiskUsage after = snapshotter_->ContainerUsage(id).value();
  EXPECT_EQ(after.inodes - before.inodes, 2u);
  EXPECT_GE(after.bytes - before.bytes, 20000u);
  EXPECT_LT(after.bytes, 1u << 20);
}

TEST_P(SnapshotterContract, ContainerUsageHoldsOutAgainstABusyContainer) {
  std::string id = NewContainer();
  UniqueFd rootfs = Start(id, {AddLayer(1)});
  std::atomic<bool> done = false;
  std::thread container([&] {
    while (!done) {
      MakeDeep(rootfs.get(), 60);
      renameat(rootfs.get(), "d/d/d", rootfs.get(), "moved");
      renameat(rootfs.get(), "moved/d/d", rootfs.get(), "d/d/elsewhere");
      // What is left over only makes the next round busier.
      std::ignore = RemoveTree(rootfs.get(), "moved", done);
      std::ignore = RemoveTree(rootfs.get(), "d", done);
    }
  });
  for (int i = 0; i < 200; ++i) {
    auto usage = snapshotter_->ContainerUsage(id);
    EXPECT_TRUE(usage) << usage.error().ToString();
  }
  done = true;
  container.join();
}

TEST_P(SnapshotterContract, RefusesNamesThatAreNotIdentifiers) {
  WriteTo(dir_.get(), "canary", "alive");
  std::string hex(64, 'a');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("../../canary"), "/" + hex.substr(1),
        hex.substr(1) + "/", "../" + hex.substr(3), hex.substr(0, 63), hex + "a", std::string(64, 'A'),
        std::string(64, 'g'), hex.substr(0, 63) + std::string(1, '\0'), "sha256:sha256:" + hex}) {
    for (const std::string& chain_id : {bad, "sha256:" + bad, "sha512:" + bad}) {
      if (chain_id == "sha256:" + hex) continue;
      EXPECT_FALSE(snapshotter_->HasLayer(chain_id));
      EXPECT_EQ(snapshotter_->StageLayer(chain_id).error().code, Code::kInvalidArgument);
      EXPECT_EQ(snapshotter_->CommitLayer(chain_id).error().code, Code::kInvalidArgument);
      snapshotter_->AbandonLayer(chain_id);
      EXPECT_EQ(snapshotter_->OpenLayer(chain_id).error().code, Code::kInvalidArgument);
      EXPECT_EQ(snapshotter_->LayerUsage(chain_id).error().code, Code::kInvalidArgument);
      EXPECT_EQ(snapshotter_->RemoveLayer(chain_id).error().code, Code::kInvalidArgument);
      EXPECT_EQ(snapshotter_->Collect({chain_id}, {}).error().code, Code::kInvalidArgument);
      EXPECT_EQ(snapshotter_->Prepare(NewContainer(), {chain_id}).error().code, Code::kInvalidArgument);
    }
    EXPECT_EQ(snapshotter_->Prepare(bad, {}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(snapshotter_->Mount(bad, {}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(snapshotter_->MountAt(bad, {}, path_).error().code, Code::kInvalidArgument);
    EXPECT_EQ(snapshotter_->ContainerUsage(bad).error().code, Code::kInvalidArgument);
    EXPECT_EQ(snapshotter_->RemoveContainer(bad).error().code, Code::kInvalidArgument);
  }
  snapshotter_->WaitForDeletions();
  EXPECT_EQ(ReadFrom(dir_.get(), "canary"), "alive");
  EXPECT_THAT(List("containers"), IsEmpty());
}

// --- All of it ---

TEST_P(SnapshotterContract, CollectKeepsTheLiveAndNothingElse) {
  AddLayer(1);
  AddLayer(2);
  std::string live = NewContainer();
  std::string dead = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(live, {ChainId(1)}));
  ASSERT_TRUE(snapshotter_->Prepare(dead, {ChainId(1)}));
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(3)));
  Reopen();
  WriteTo(dir_.get(), "root/layers/stray", "");
  ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {live}));
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("layers"), ::testing::ElementsAre(ChainId(1).substr(7)));
  EXPECT_THAT(List("containers"), ::testing::ElementsAre(live));
  EXPECT_THAT(List("staging"), IsEmpty());
  EXPECT_THAT(List("trash"), IsEmpty());
}

TEST_P(SnapshotterContract, InfoSumsUpLayersAndContainers) {
  AddLayer(1, {{"a", std::string(5000, 'x')}});
  AddLayer(2, {{"b", std::string(9000, 'x')}});
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, {ChainId(1)}));
  WriteTo(dir_.get(), "root/containers/stray", "");
  DiskUsage sum = snapshotter_->LayerUsage(ChainId(1)).value();
  sum += snapshotter_->LayerUsage(ChainId(2)).value();
  auto info = snapshotter_->Info();
  ASSERT_TRUE(info) << info.error().ToString();
  EXPECT_EQ(info->mountpoint, root());
  EXPECT_EQ(info->layers, sum);
  EXPECT_EQ(info->containers, snapshotter_->ContainerUsage(id).value());
}

TEST_P(SnapshotterContract, SyncKeepsTheLayers) {
  AddLayer(1);
  auto synced = snapshotter_->Sync();
  EXPECT_TRUE(synced) << synced.error().ToString();
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, TheRootHasOneOwnerAndIsPrivate) {
  auto second = Snapshotter::Open(root(), GetParam().support);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  struct stat stat{};
  ASSERT_EQ(::stat(root().c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0700u);
  EXPECT_EQ(Snapshotter::Open(path_ + "/no/such").error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, ContainersStartAndGoInParallel) {
  std::vector<std::string> layers = {AddLayer(1, {{"file", "x"}}), AddLayer(2), AddLayer(3)};
  std::vector<std::thread> threads(4);
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 25; ++i) {
        std::string id = NewContainer();
        EXPECT_EQ(ReadFrom(Start(id, layers).get(), "file"), "x");
        EXPECT_TRUE(snapshotter_->RemoveContainer(id));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("containers"), IsEmpty());
  EXPECT_THAT(List("trash"), IsEmpty());
}

// What the killed process does: one byte to `progress` after each step, for ever.
[[noreturn]] void Churn(const std::string& root, const OverlaySupport& support, int progress) {
  auto opened = Snapshotter::Open(root, support);
  if (!opened) _exit(1);
  Snapshotter& snapshotter = **opened;
  auto step = [&](bool good) {
    if (!good || write(progress, "+", 1) != 1) _exit(1);
  };
  for (int n = 0;; ++n) {
    std::string chain_id = "sha256:" + NewId().value();
    std::string id = NewId().value();
    auto layer = snapshotter.StageLayer(chain_id);
    step(layer.has_value());
    for (const char* name : {"first", "last"})
      step(OpenAt(layer->get(), name, O_CREAT | O_WRONLY, 0600).has_value());
    step(snapshotter.CommitLayer(chain_id).has_value());
    step(snapshotter.Prepare(id, {chain_id}).has_value());
    step(snapshotter.Mount(id, {chain_id}).has_value());
    step(n % 2 == 0 || snapshotter.RemoveContainer(id).has_value());
    step(n % 3 == 0 || snapshotter.RemoveLayer(chain_id).has_value());
  }
}

TEST_P(SnapshotterContract, AKillAtAnyInstantLeavesWholeLayersOrGarbage) {
  for (int round = 0; round < 15; ++round) {
    snapshotter_.reset();  // no thread is left, so that the fork below may go on as it likes
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd progress(ends[0]);
    UniqueFd child_end(ends[1]);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) Churn(root(), GetParam().support, child_end.get());
    child_end.Reset();
    char steps[7];
    for (int read_steps = 0; read_steps < 20 + round; ++read_steps) {
      if (read(progress.get(), steps, 1 + static_cast<size_t>(round) % sizeof steps) <= 0) break;
    }
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "a step failed";

    Reopen();
    for (const std::string& name : List("layers")) {
      auto layer = snapshotter_->OpenLayer("sha256:" + name);
      ASSERT_TRUE(layer) << layer.error().ToString();
      EXPECT_TRUE(Exists(layer->get(), "last"));
      EXPECT_EQ(snapshotter_->LayerUsage("sha256:" + name)->inodes, 3u);
    }
    for (const std::string& id : List("containers")) EXPECT_TRUE(snapshotter_->RemoveContainer(id));
    ASSERT_TRUE(snapshotter_->Collect({}, {}));
    snapshotter_->WaitForDeletions();
    for (const char* folder : {"layers", "staging", "containers", "trash"})
      EXPECT_THAT(List(folder), IsEmpty());
  }
}

}  // namespace
}  // namespace davit::snapshotter
