// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every snapshotter promises, whichever way it mounts: the suite runs once for each. This file has the
// promises on names and on the snapshotter as a whole; contract_layers_test.cc and
// contract_containers_test.cc have the others.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "base/file_io.h"
#include "base/ids.h"
#include "snapshotter/snapshotter.h"
#include "snapshotter/testing/contract_fixture.h"

namespace davit::snapshotter {
namespace {

using ::testing::IsEmpty;

INSTANTIATE_TEST_SUITE_P(, SnapshotterContract,
                         ::testing::Values(Way{"Descriptors", {.lower_by_fd = true, .lower_by_path = true}},
                                           Way{"Paths", {.lower_by_fd = false, .lower_by_path = true}},
                                           Way{"Strings", {.lower_by_fd = false, .lower_by_path = false}}),
                         [](const auto& way) { return way.param.name; });

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
