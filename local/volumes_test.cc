// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "base/codec.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "cri/testing/fake_snapshots.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/small_disk.h"
#include "local/testing/fake_volume_store.h"

namespace davit::local {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;

bool never() {
  return false;
}

VolumeUse Use(const std::string& volume, const std::string& target, bool anonymous = false) {
  return {volume, target, /*read_only=*/false, /*no_copy=*/false, anonymous};
}

class VolumesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it gives files to others";
    fs::create_directories(root_ / "image/data");
    std::ofstream(root_ / "image/data/file") << "of the image";
    snapshots_.ShowImage(root_ / "image");
    Start();
  }

  // Ends the daemon, runs `meanwhile`, and starts it again.
  void Restart(const std::function<void()>& meanwhile = [] {}) {
    volumes_.reset();
    meanwhile();
    Start();
  }
  void Start(const std::string& directory = {}) {
    volumes_ = std::make_unique<Volumes>(Volumes::Ports{directory.empty() ? Directory() : directory, store_,
                                                        snapshots_, log_, SystemClock(), events_});
    Result<> loaded = volumes_->Load();
    EXPECT_TRUE(loaded) << loaded.error().ToString();
  }
  Result<std::vector<std::string>> Mount(const std::string& container, const std::vector<VolumeUse>& uses,
                                         const Volumes::Gone& gone = never) {
    return volumes_->Mount(container, uses, {"layer"}, gone);
  }
  std::string Directory() { return root_ / "volumes"; }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const api::Volume& volume : volumes_->List()) names.push_back(volume.name());
    return names;
  }
  std::string Text(const std::string& volume, const std::string& file) {
    return ReadFile(volumes_->DataOf(volume) + "/" + file).value_or("none");
  }
  // Files and rows, without what is being deleted.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> left;
    const std::vector<cri::VolumeRow> rows = store_.VolumeRows().value();
    for (const cri::VolumeRow& row : rows) left.push_back("row " + row.name);
    if (!fs::exists(Directory())) return left;
    for (const auto& entry : fs::directory_iterator(Directory())) {
      std::string name = entry.path().filename();
      if (name == ".trash") continue;
      if (name != ".staging" || !fs::is_empty(entry.path())) left.push_back(name);
    }
    return left;
  }
  bool TrashIsEmptied() {
    for (int i = 0; i < 1000 && !fs::is_empty(Directory() + "/.trash"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return fs::is_empty(Directory() + "/.trash");
  }

  images::ScratchDir root_;
  cri::Steps steps_;
  FakeVolumeStore store_{steps_};
  cri::FakeSnapshots snapshots_{steps_};
  Logger log_{[](std::string_view) {}, LogLevel::kInfo};
  EventLog events_{SystemClock()};
  std::unique_ptr<Volumes> volumes_;
};

TEST(VolumeName, HasDockersGrammar) {
  for (const char* name : {"a", "0", "data", "my_db-1.2", "A.b"}) EXPECT_TRUE(CheckVolumeName(name)) << name;
  EXPECT_TRUE(CheckVolumeName(std::string(255, 'x')));
  for (const char* name : {"", ".", "..", ".trash", "_a", "-a", "a/b", "a b", "a\n", "ä", "a:b", "a\\b"}) {
    Result<> checked = CheckVolumeName(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
    EXPECT_THAT(checked.error().ToString(), HasSubstr("[a-zA-Z0-9][a-zA-Z0-9_.-]"));
  }
  EXPECT_FALSE(CheckVolumeName(std::string("a\0b", 3)));
  EXPECT_FALSE(CheckVolumeName(std::string(256, 'x')));
}

TEST_F(VolumesTest, AVolumeIsADirectoryWithARecord) {
  EXPECT_FALSE(fs::exists(Directory())) << "nobody has a volume";
  api::Volume data = volumes_->Create("data", {{"stage", "test"}}).value();
  EXPECT_EQ(data.mountpoint(), Directory() + "/data/_data");
  EXPECT_TRUE(fs::is_directory(data.mountpoint()));
  EXPECT_EQ(data.labels().at("stage"), "test");
  EXPECT_FALSE(data.anonymous());
  EXPECT_EQ(volumes_->Create("data", {{"stage", "other"}})->labels().at("stage"), "test") << "it exists";
  api::Volume anonymous = volumes_->Create("", {}).value();
  EXPECT_TRUE(IsId(anonymous.name()));
  EXPECT_TRUE(anonymous.anonymous());
  EXPECT_EQ(volumes_->Create("../x", {}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(volumes_->Inspect("nothing").error().code, Code::kNotFound);
  std::ofstream(data.mountpoint() + "/file") << "text";
  Restart();
  EXPECT_EQ(volumes_->Inspect("data")->labels().at("stage"), "test");
  EXPECT_EQ(volumes_->Inspect("data")->created_at(), data.created_at());
  EXPECT_TRUE(volumes_->Inspect(anonymous.name())->anonymous());
  EXPECT_EQ(Text("data", "file"), "text");
  EXPECT_TRUE(volumes_->Remove("data"));
  EXPECT_TRUE(volumes_->Remove(anonymous.name()));
  EXPECT_EQ(volumes_->Remove("data").error().code, Code::kNotFound);
  EXPECT_THAT(Leftovers(), IsEmpty());
  EXPECT_TRUE(TrashIsEmptied());
}

TEST_F(VolumesTest, AVolumeInUseNamesItsUsers) {
  ASSERT_TRUE(Mount("c1", {Use("data", "/data"), Use("data", "/again")}));
  ASSERT_TRUE(Mount("c2", {Use("data", "/data")}));
  EXPECT_THAT(volumes_->Inspect("data")->containers(), ElementsAre("c1", "c2"));
  Result<> removed = volumes_->Remove("data");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(removed.error().ToString(), "remove data: volume is in use - [c1, c2]");
  Restart([] {});
  volumes_->Adopt("c2", {Use("data", "/data"), Use("gone", "/gone")});
  EXPECT_THAT(volumes_->Remove("data").error().ToString(), HasSubstr("[c2]"));
  volumes_->Release("c2", {Use("data", "/data")}, AnonymousVolumes::kGo);
  EXPECT_THAT(Names(), ElementsAre("data")) << "it has a name";
  EXPECT_TRUE(volumes_->Remove("data"));
}

TEST_F(VolumesTest, AnonymousOnesGoWithTheirContainer) {
  std::string id = NewId().value();
  std::vector<VolumeUse> uses = {Use(id, "/data", /*anonymous=*/true), Use("named", "/named")};
  ASSERT_TRUE(Mount("c1", uses));
  ASSERT_TRUE(Mount("c2", {Use(id, "/other")}));
  volumes_->Release("c1", uses, AnonymousVolumes::kGo);
  EXPECT_THAT(Names(), UnorderedElementsAre(id, "named")) << "another container uses it by its name";
  volumes_->Release("c2", {Use(id, "/other")}, AnonymousVolumes::kGo);
  EXPECT_THAT(Names(), UnorderedElementsAre(id, "named"));
  ASSERT_TRUE(Mount("c3", uses));
  volumes_->Release("c3", uses, AnonymousVolumes::kStay);
  EXPECT_THAT(Names(), SizeIs(2));
  ASSERT_TRUE(Mount("c4", uses));
  volumes_->Release("c4", uses, AnonymousVolumes::kGo);
  volumes_->Release("c4", uses, AnonymousVolumes::kGo);
  EXPECT_THAT(Names(), ElementsAre("named"));
}

TEST_F(VolumesTest, TheFirstUseFillsIt) {
  ASSERT_TRUE(volumes_->Create("data", {}));
  VolumeUse no_copy = Use("data", "/data");
  no_copy.no_copy = true;
  ASSERT_TRUE(Mount("c0", {no_copy}));
  EXPECT_EQ(Text("data", "file"), "none");
  ASSERT_TRUE(Mount("c1", {Use("data", "/data")}));
  EXPECT_EQ(Text("data", "file"), "of the image");
  std::ofstream(volumes_->DataOf("data") + "/file") << "changed";
  steps_.Reset();
  ASSERT_TRUE(Mount("c2", {Use("data", "/data")}));
  EXPECT_EQ(Text("data", "file"), "changed");
  EXPECT_THAT(steps_.taken(), IsEmpty()) << "neither the image nor the database is needed";
}

TEST_F(VolumesTest, PruneRemovesWhatNobodyUses) {
  std::string id = volumes_->Create("", {})->name();
  ASSERT_TRUE(volumes_->Create("labelled", {{"stage", "test"}}));
  ASSERT_TRUE(volumes_->Create("plain", {}));
  ASSERT_TRUE(Mount("c1", {Use("used", "/data")}));
  std::ofstream(volumes_->DataOf("labelled") + "/file") << std::string(1 << 20, 'x');
  EXPECT_THAT(volumes_->Prune({}, never)->removed(), ElementsAre(id));
  api::PruneVolumesRequest request;
  request.set_all(true);
  request.add_labels("stage=other");
  EXPECT_THAT(volumes_->Prune(request, never)->removed(), IsEmpty());
  request.set_labels(0, "stage");
  api::PruneVolumesResponse pruned = volumes_->Prune(request, never).value();
  EXPECT_THAT(pruned.removed(), ElementsAre("labelled"));
  EXPECT_GE(pruned.reclaimed_bytes(), 1u << 20);
  request.clear_labels();
  EXPECT_EQ(volumes_->Prune(request, [] { return true; }).error().code, Code::kCancelled);
  EXPECT_THAT(volumes_->Prune(request, never)->removed(), ElementsAre("plain"));
  EXPECT_THAT(Names(), ElementsAre("used"));
}

TEST_F(VolumesTest, UsageTellsWhatCouldBeReclaimed) {
  ASSERT_TRUE(Mount("c1", {Use("used", "/nothing")}));
  ASSERT_TRUE(volumes_->Create("unused", {}));
  for (const char* name : {"used", "unused"})
    std::ofstream(volumes_->DataOf(name) + "/large") << std::string(1 << 20, 'x');
  api::VolumesUsageResponse usage = volumes_->Usage(never).value();
  EXPECT_EQ(usage.total(), 2);
  EXPECT_EQ(usage.active(), 1);
  EXPECT_GE(usage.total_bytes(), 2u << 20);
  EXPECT_GE(usage.reclaimable_bytes(), 1u << 20);
  EXPECT_LT(usage.reclaimable_bytes(), usage.total_bytes());
  EXPECT_EQ(volumes_->Usage([] { return true; }).error().code, Code::kCancelled);
}

// Whatever fails, nothing is left of the volumes that were to be made, and what was there is as before.
TEST_F(VolumesTest, AMountThatFailsIsUndone) {
  ASSERT_TRUE(volumes_->Create("old", {}));
  std::vector<VolumeUse> uses = {Use("new", "/data"), Use(NewId().value(), "/data", true),
                                 Use("old", "/data")};
  steps_.Reset();
  std::vector<std::string> made = Mount("c1", uses).value();
  EXPECT_THAT(made, ElementsAre("new", uses[1].volume));
  std::vector<std::string> steps = steps_.taken();
  EXPECT_THAT(steps, ElementsAre("store.PutVolume", "store.PutVolume", "snapshots.MountImage"));
  volumes_->Unmount("c1", uses, made);
  EXPECT_THAT(Names(), ElementsAre("old"));
  for (size_t step = 0; step < steps.size(); ++step) {
    steps_.FailNth(step);
    EXPECT_FALSE(Mount("c1", uses)) << step;
    steps_.Reset();
    EXPECT_THAT(Leftovers(), UnorderedElementsAre("row old", "old")) << step;
    EXPECT_THAT(volumes_->Inspect("old")->containers(), IsEmpty());
  }
}

TEST_F(VolumesTest, AFillThatNobodyWantsIsUndone) {
  Result<std::vector<std::string>> mounted = Mount("c1", {Use("data", "/data")}, [] { return true; });
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, Code::kCancelled);
  EXPECT_THAT(Leftovers(), IsEmpty());
}

TEST_F(VolumesTest, LoadCollectsWhatACrashHasLeft) {
  ASSERT_TRUE(volumes_->Create("data", {}));
  Restart([this] {
    // Made and not in place yet: the row is there first.
    store_.Seed({"unborn", Encode(VolumeRecord{"unborn", 1, false, {}})});
    fs::create_directories(Directory() + "/.staging/unborn/_data");
    fs::create_directories(Directory() + "/.staging/fill/files");
    std::ofstream(Directory() + "/.staging/fill/files/half") << "half";
    // Removed, and the row is still there.
    store_.Seed({"removed", Encode(VolumeRecord{"removed", 1, false, {}})});
    fs::create_directories(Directory() + "/.trash/1234/_data");
    std::ofstream(Directory() + "/.trash/1234/_data/file") << "text";
    // Copied and not moved yet.
    fs::create_directories(Directory() + "/data/filled");
    std::ofstream(Directory() + "/data/filled/file") << "of the image";
  });
  EXPECT_THAT(Names(), ElementsAre("data"));
  EXPECT_EQ(Text("data", "file"), "of the image");
  EXPECT_THAT(Leftovers(), UnorderedElementsAre("row data", "data"));
  EXPECT_TRUE(TrashIsEmptied());
}

// A lost database must not be the end of what people have in their volumes.
TEST_F(VolumesTest, ADirectoryWithoutARecordIsTakenOver) {
  Restart([this] {
    fs::create_directories(Directory() + "/mine/_data");
    std::ofstream(Directory() + "/mine/_data/file") << "text";
    fs::create_directories(Directory() + "/no-volume");
    fs::create_directories(Directory() + "/-bad-name/_data");
  });
  EXPECT_THAT(Names(), ElementsAre("mine"));
  EXPECT_EQ(Text("mine", "file"), "text");
  EXPECT_THAT(store_.VolumeRows().value(), SizeIs(1));
  EXPECT_TRUE(fs::exists(Directory() + "/no-volume"));
  EXPECT_TRUE(fs::exists(Directory() + "/-bad-name/_data"));
}

TEST_F(VolumesTest, ARecordOfAnotherVersionIsLeftAlone) {
  Restart([this] {
    store_.Seed({"newer", "\xff\xff\xff"});
    fs::create_directories(Directory() + "/newer/_data");
  });
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(volumes_->Create("newer", {}).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(fs::exists(Directory() + "/newer/_data"));
  EXPECT_EQ(store_.VolumeRows()->front().blob, "\xff\xff\xff");
}

TEST_F(VolumesTest, AreLimitedInNumber) {
  for (size_t i = 0; i < Volumes::kMost; ++i) {
    std::string name = "v" + std::to_string(i);
    store_.Seed({name, Encode(VolumeRecord{name, 1, false, {}})});
    fs::create_directories(Directory() + "/" + name + "/_data");
  }
  Restart();
  Result<api::Volume> more = volumes_->Create("more", {});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::kResourceExhausted);
  EXPECT_TRUE(volumes_->Create("v7", {})) << "it exists";
}

TEST_F(VolumesTest, CreationsAndRemovalsAtOnceEndInOneState) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      std::string container = "c" + std::to_string(i);
      for (int round = 0; round < 50; ++round) {
        auto made = Mount(container, {Use("shared", "/data")});
        EXPECT_TRUE(made) << made.error().ToString();
        EXPECT_EQ(Text("shared", "file"), "of the image");
        EXPECT_EQ(volumes_->Remove("shared").error().code, Code::kFailedPrecondition);
        volumes_->Release(container, {Use("shared", "/data")}, AnonymousVolumes::kGo);
        (void)volumes_->Remove("shared");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_TRUE(TrashIsEmptied());
}

class VolumesOnSmallDisk : public images::SmallDisk {};

TEST_F(VolumesOnSmallDisk, AFullDiskLeavesNothingHalfMade) {
  images::ScratchDir image;
  fs::create_directory(image / "data");
  for (int i = 0; i < 20; ++i)
    std::ofstream(image / ("data/" + std::to_string(i))) << std::string(1 << 20, 'x');
  cri::Steps steps;
  FakeVolumeStore store(steps);
  cri::FakeSnapshots snapshots(steps);
  snapshots.ShowImage(image.path());
  Logger log([](std::string_view) {}, LogLevel::kInfo);
  std::string directory = "/proc/self/fd/" + std::to_string(root()) + "/volumes";
  EventLog events(SystemClock());
  Volumes volumes({directory, store, snapshots, log, SystemClock(), events});
  ASSERT_TRUE(volumes.Load());
  ASSERT_TRUE(volumes.Create("old", {}));
  auto mounted = volumes.Mount("c1", {Use("new", "/data"), Use("old", "/data")}, {"layer"}, never);
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, Code::kResourceExhausted);
  EXPECT_THAT(mounted.error().ToString(), AllOf(HasSubstr("volume new"), HasSubstr("No space left")));
  EXPECT_THAT(volumes.List(), SizeIs(1));
  EXPECT_TRUE(fs::is_empty(volumes.DataOf("old")));
  EXPECT_TRUE(fs::is_empty(directory + "/.staging"));
  EXPECT_TRUE(volumes.Create("other", {})) << "there is room again";
}

}  // namespace
}  // namespace davit::local
