// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every snapshotter promises on the root filesystems of containers. contract_test.cc instantiates the
// suite.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/directory.h"
#include "base/file_io.h"
#include "snapshotter/remove_tree.h"
#include "snapshotter/testing/contract_fixture.h"

namespace davit::snapshotter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

size_t MountTableSize() {
  std::string table = ReadFile("/proc/self/mountinfo").value();
  return static_cast<size_t>(std::count(table.begin(), table.end(), '\n'));
}

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

TEST_P(SnapshotterContract, ADurableLayerIsMountedWithoutVolatileEachTime) {
  std::vector<std::string> layers = {AddLayer(1, {{"file", "x"}})};
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, layers, LayerLife::kDurable));
  EXPECT_EQ(snapshotter_->Prepare(id, layers, LayerLife::kDurable).error().code, Code::kAlreadyExists);
  std::string target = path_ + "/target";
  ASSERT_EQ(mkdir(target.c_str(), 0755), 0);
  for (int run = 0; run < 3; ++run) {
    auto mounted = snapshotter_->MountAt(id, layers, target);
    ASSERT_TRUE(mounted) << mounted.error().ToString();
    std::string table = ReadFile("/proc/self/mountinfo").value();
    std::string line = table.substr(table.find(target));
    EXPECT_THAT(line.substr(0, line.find('\n')), ::testing::Not(HasSubstr("volatile")));
    EXPECT_EQ(Exists(dir_.get(), "target/written"), run > 0);
    WriteTo(dir_.get(), "target/written", "x");
    EXPECT_EQ(umount2(target.c_str(), 0), 0);
  }
  Reopen();
  ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {id}));
  EXPECT_EQ(snapshotter_->ContainerUsage(id).value().inodes, 2U);
  ASSERT_TRUE(snapshotter_->RemoveContainer(id));
  EXPECT_EQ(snapshotter_->Mount(id, layers).error().code, Code::kNotFound);
  ASSERT_TRUE(snapshotter_->Prepare(id, layers, LayerLife::kDurable));
  EXPECT_THAT(List("containers"), IsEmpty());
}

// Whoever names the containers may have lost its records; these are people's data.
TEST_P(SnapshotterContract, ADurableLayerThatNobodyNamesStays) {
  std::vector<std::string> layers = {AddLayer(1)};
  std::string id = NewContainer();
  ASSERT_TRUE(snapshotter_->Prepare(id, layers, LayerLife::kDurable));
  std::string unfinished = "root/durable/" + NewContainer() + ".new";
  ASSERT_EQ(mkdirat(dir_.get(), unfinished.c_str(), 0700), 0);
  EXPECT_THAT(*snapshotter_->DurableLayers(), ::testing::ElementsAre(id));
  Reopen();
  ASSERT_TRUE(snapshotter_->Collect({}, {}));
  EXPECT_THAT(List("durable"), ::testing::ElementsAre(id));
  ASSERT_TRUE(snapshotter_->RemoveContainer(id));
  EXPECT_THAT(*snapshotter_->DurableLayers(), IsEmpty());
}

// The process is killed between any two steps of making it: what lies there under the layer's name is whole.
TEST_P(SnapshotterContract, AKeptLayerThatExistsIsComplete) {
  std::vector<std::string> layers = {AddLayer(1)};
  for (LayerLife life : {LayerLife::kOneBoot, LayerLife::kDurable}) {
    std::string folder = life == LayerLife::kDurable ? "durable/" : "containers/";
    std::string id = NewContainer();
    ASSERT_FALSE(snapshotter_->Prepare(id, {ChainId(7)}, life)) << "it has no such layer";
    EXPECT_FALSE(Exists(dir_.get(), "root/" + folder + id));
    std::string unfinished = "root/" + folder + id + ".new";
    ASSERT_EQ(mkdirat(dir_.get(), unfinished.c_str(), 0700), 0) << "as a killed process leaves it";
    ASSERT_TRUE(snapshotter_->Prepare(id, layers, life));
    Start(NewContainer(), layers);
    Mount(id, layers);
    EXPECT_EQ(snapshotter_->Prepare(id, layers, life).error().code, Code::kAlreadyExists);
    ASSERT_EQ(mkdirat(dir_.get(), unfinished.c_str(), 0700), 0);
    ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {id}));
    EXPECT_FALSE(Exists(dir_.get(), unfinished));
  }
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

}  // namespace
}  // namespace davit::snapshotter
