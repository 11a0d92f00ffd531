// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What one owner has, the other one neither sees nor touches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/codec.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A pod of each owner, with the same name, and with one running container each.
class OwnerTest : public ::testing::Test {
 protected:
  OwnerTest() {
    cri_ = world_.RunPod();
    world_.ActFor(Owner::kLocal);
    local_ = world_.RunPod();
    world_.ActFor(Owner::kCri);
  }
  Call NewCall(Owner owner = Owner::kCri) const {
    return Call{world_.clock.MonotonicMilliseconds() + 60'000, Spans(), owner};
  }
  template <typename Verbs, typename Request, typename Response>
  Code CodeOf(Verbs& verbs, Result<Response> (Verbs::*verb)(const Request&, Call&), const Request& request) {
    Call call = NewCall();
    Result<Response> answer = (verbs.*verb)(request, call);
    EXPECT_FALSE(answer);
    return answer ? Code::kInternal : answer.error().code;
  }
  bool Runs(const std::string& container, Owner owner) {
    world_.ActFor(owner);
    bool runs = world_.StatusOf(container).state() == v1::CONTAINER_RUNNING;
    world_.ActFor(Owner::kCri);
    return runs;
  }

  SandboxRow LocalRow() {
    const std::vector<SandboxRow> rows = world_.records.Sandboxes().value();
    for (const SandboxRow& row : rows)
      if (row.id == local_.sandbox) return row;
    ADD_FAILURE();
    return {};
  }

  World world_;
  World::Pod cri_;
  World::Pod local_;
};

TEST_F(OwnerTest, ListsAndStatisticsShowTheCriItsOwn) {
  EXPECT_THAT(world_.Listed(), ElementsAre(cri_.sandbox, cri_.container));
  EXPECT_THAT(world_.runtime().sandboxes().List({}, Owner::kLocal).value(), SizeIs(1));
  EXPECT_THAT(world_.runtime().containers().List({}, Owner::kLocal).value(), SizeIs(1));
  EXPECT_THAT(world_.runtime().statistics().OfContainers({}).value(), SizeIs(1));
  EXPECT_THAT(world_.runtime().statistics().OfSandboxes({}).value(), SizeIs(1));
  EXPECT_THAT(world_.runtime().statistics().Metrics().value(), SizeIs(1));
}

TEST_F(OwnerTest, NoVerbOfTheCriFindsWhatIsLocal) {
  auto with_pod = [&](auto request) {
    request.set_pod_sandbox_id(local_.sandbox);
    return request;
  };
  auto with_container = [&](auto request) {
    request.set_container_id(local_.container);
    return request;
  };
  Runtime& runtime = world_.runtime();
  EXPECT_EQ(CodeOf(runtime.sandboxes(), &Sandboxes::Status, with_pod(v1::PodSandboxStatusRequest())),
            Code::kNotFound);
  EXPECT_EQ(CodeOf(runtime.sandboxes(), &Sandboxes::UpdateResources,
                   with_pod(v1::UpdatePodSandboxResourcesRequest())),
            Code::kNotFound);
  EXPECT_EQ(CodeOf(runtime.statistics(), &Statistics::OfSandbox, with_pod(v1::PodSandboxStatsRequest())),
            Code::kNotFound);
  EXPECT_EQ(world_.CreateContainer(local_.sandbox, "another").error().code, Code::kNotFound);

  Containers& containers = runtime.containers();
  Call start_call = NewCall();
  EXPECT_EQ(containers.Start(with_container(v1::StartContainerRequest()), start_call).error().code,
            Code::kNotFound);
  EXPECT_EQ(CodeOf(containers, &Containers::Status, with_container(v1::ContainerStatusRequest())),
            Code::kNotFound);
  EXPECT_EQ(
      CodeOf(containers, &Containers::UpdateResources, with_container(v1::UpdateContainerResourcesRequest())),
      Code::kNotFound);
  EXPECT_EQ(CodeOf(containers, &Containers::ReopenLog, with_container(v1::ReopenContainerLogRequest())),
            Code::kNotFound);
  EXPECT_EQ(
      CodeOf(runtime.statistics(), &Statistics::OfContainer, with_container(v1::ContainerStatsRequest())),
      Code::kNotFound);
  Call call = NewCall();
  EXPECT_EQ(runtime.processes().Signal(local_.container, SIGTERM, call).error().code, Code::kNotFound);

  v1::ExecRequest exec = with_container(v1::ExecRequest());
  exec.add_cmd("true");
  exec.set_stdout(true);
  EXPECT_EQ(runtime.execs().OrderExec(exec).error().code, Code::kNotFound);
  v1::AttachRequest attach = with_container(v1::AttachRequest());
  attach.set_stdout(true);
  EXPECT_EQ(runtime.execs().OrderAttach(attach).error().code, Code::kNotFound);
  EXPECT_EQ(runtime.execs().OrderPortForward(with_pod(v1::PortForwardRequest())).error().code,
            Code::kNotFound);
  v1::ExecSyncRequest sync = with_container(v1::ExecSyncRequest());
  sync.add_cmd("true");
  Call sync_call = NewCall();
  runtime.execs().RunSync(sync, sync_call, {}, [](Result<v1::ExecSyncResponse> answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kNotFound);
  });
}

TEST_F(OwnerTest, StopsAndRemovalsByTheCriLeaveWhatIsLocal) {
  EXPECT_TRUE(world_.StopContainer(local_.container)) << "as of any container that does not exist";
  EXPECT_TRUE(world_.RemoveContainer(local_.container));
  EXPECT_TRUE(world_.StopSandbox(local_.sandbox));
  EXPECT_TRUE(world_.RemoveSandbox(local_.sandbox));
  EXPECT_TRUE(Runs(local_.container, Owner::kLocal));
}

TEST_F(OwnerTest, StopsAndRemovalsOfWhatIsLocalLeaveTheCris) {
  world_.ActFor(Owner::kLocal);
  EXPECT_TRUE(world_.StopContainer(cri_.container));
  EXPECT_TRUE(world_.RemoveSandbox(cri_.sandbox));
  EXPECT_TRUE(Runs(cri_.container, Owner::kCri));
  world_.ActFor(Owner::kLocal);
  EXPECT_TRUE(world_.RemoveSandbox(local_.sandbox));
  world_.ActFor(Owner::kCri);
  EXPECT_TRUE(world_.RemoveSandbox(cri_.sandbox));
  EXPECT_THAT(world_.Leftovers(), IsEmpty());
}

TEST_F(OwnerTest, EachWatchesItsOwnEvents) {
  auto of_cri = world_.runtime().announcer().Watch(/*on_news=*/[] {}, /*cut_off=*/[] {});
  auto of_local = world_.runtime().announcer().Watch([] {}, [] {}, Owner::kLocal);
  world_.shims.Exit(local_.sandbox, local_.container, 3);
  EXPECT_EQ(*of_cri->Next(), nullptr);
  EventFeed::Event event = of_local->Next().value();
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->container_id(), local_.container);
  world_.shims.Exit(cri_.sandbox, cri_.container, 4);
  EXPECT_EQ(of_cri->Next().value()->container_id(), cri_.container);
  EXPECT_EQ(*of_local->Next(), nullptr);
}

TEST_F(OwnerTest, ARestartKeepsTheOwners) {
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  EXPECT_THAT(world_.Listed(), ElementsAre(cri_.sandbox, cri_.container));
  EXPECT_TRUE(Runs(local_.container, Owner::kLocal));
  world_.ActFor(Owner::kLocal);
  EXPECT_EQ(world_.RunSandbox().value(), local_.sandbox) << "each owner's names are recovered";
}

// Whatever a client of the CRI calls its sandbox, it is none of the other owner's.
TEST_F(OwnerTest, NamesOfOwnersDoNotMeet) {
  auto run = [this](const std::string& name, Owner owner) {
    v1::RunPodSandboxRequest request = world_.SandboxRequest();
    request.mutable_config()->mutable_metadata()->set_name(name);
    Call call{world_.clock.MonotonicMilliseconds() + 60'000, Spans(), owner};
    auto answer = world_.runtime().sandboxes().Run(request, call);
    return answer ? answer->pod_sandbox_id() : answer.error().ToString();
  };
  std::string local = run("web", Owner::kLocal);
  for (const char* name : {"web", "local/web", "1/web"}) {
    std::string cri = run(name, Owner::kCri);
    EXPECT_NE(cri, local);
    EXPECT_EQ(run(name, Owner::kCri), cri) << "repeated";
    EXPECT_TRUE(world_.RemoveSandbox(cri));
  }
  EXPECT_EQ(run("web", Owner::kLocal), local);
}

// Damaged, or of a newer release: the owner is in the row, not in what cannot be read.
TEST_F(OwnerTest, AnUnreadableRecordKeepsItsOwner) {
  SandboxRow row = LocalRow();
  EXPECT_THAT(row.owner, StartsWith("local/uid-of-"));
  const std::string with_unknown_field = row.blob + "\x8a\x7d\x01x";
  for (const std::string& blob : {std::string("\xff\xff not a record"), std::string(), with_unknown_field}) {
    row.blob = blob;
    world_.records.Seed(row);
    world_.Restart();
    ASSERT_TRUE(world_.Recover());
    EXPECT_THAT(world_.Listed(), ElementsAre(cri_.sandbox, cri_.container));
    auto local = world_.runtime().sandboxes().List({}, Owner::kLocal).value();
    ASSERT_THAT(local, SizeIs(1));
    EXPECT_EQ("local/" + local[0].metadata().uid(), row.owner) << "the local container is known";
    EXPECT_TRUE(Runs(local_.container, Owner::kLocal)) << "it goes on";
  }
}

TEST_F(OwnerTest, AnOwnerOfANewerReleaseIsShownToNobodyAndTouchedByNobody) {
  world_.records.Seed(SandboxRow{local_.sandbox, "\xff", "machines/7"});
  world_.Restart();
  ASSERT_TRUE(world_.Recover());
  EXPECT_THAT(world_.Listed(), ElementsAre(cri_.sandbox, cri_.container));
  EXPECT_THAT(world_.runtime().sandboxes().List({}, Owner::kLocal).value(), IsEmpty());
  EXPECT_THAT(world_.runtime().containers().List({}, Owner::kLocal).value(), IsEmpty());
  EXPECT_TRUE(world_.RemoveSandbox(local_.sandbox)) << "as one that does not exist";
  EXPECT_EQ(LocalRow().owner, "machines/7");
  auto of_cri = world_.runtime().announcer().Watch([] {}, [] {});
  auto of_local = world_.runtime().announcer().Watch([] {}, [] {}, Owner::kLocal);
  world_.shims.Exit(local_.sandbox, local_.container, 3);
  world_.shims.Exit(cri_.sandbox, cri_.container, 4);
  EXPECT_EQ(of_cri->Next().value()->container_id(), cri_.container);
  EXPECT_EQ(*of_local->Next(), nullptr);
}

TEST(KeptLayer, OutlivesItsContainersAndServesTheNextOne) {
  World world;
  world.ActFor(Owner::kLocal);
  auto create = [&](const std::string& sandbox) {
    Call call{world.clock.MonotonicMilliseconds() + 60'000, Spans(), Owner::kLocal};
    ContainerExtras extras;
    extras.kept_layer = KeptLayer{"layer", snapshotter::LayerLife::kOneBoot};
    return world.runtime().containers().Create(world.ContainerRequest(sandbox), call, extras);
  };
  std::string first = world.RunSandbox("first").value();
  ASSERT_TRUE(create(first));
  ASSERT_TRUE(world.RemoveSandbox(first));
  EXPECT_THAT(world.snapshots.containers(), ElementsAre("layer"));
  EXPECT_EQ(world.snapshots.life("layer"), snapshotter::LayerLife::kOneBoot);

  std::string second = world.RunSandbox("second").value();
  ASSERT_TRUE(create(second));
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.snapshots.containers(), ElementsAre("layer")) << "its container's record names it";
  ASSERT_TRUE(world.RemoveSandbox(second));
  world.Restart();
  ASSERT_TRUE(world.runtime().Recover(std::chrono::seconds(2), /*kept_layers=*/{"layer"}));
  EXPECT_THAT(world.snapshots.containers(), ElementsAre("layer"));
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.snapshots.containers(), Not(Contains("layer")));
}

TEST(LoopbackOnly, ASandboxGetsNoAddress) {
  World world;
  Call call{world.clock.MonotonicMilliseconds() + 60'000, Spans(), Owner::kLocal};
  ASSERT_TRUE(world.runtime().sandboxes().Run(world.SandboxRequest(), call, NetworkUse::kLoopbackOnly));
  EXPECT_THAT(world.network.leases(), IsEmpty());
  EXPECT_THAT(world.network.attached(), IsEmpty());
  world.Restart();
  ASSERT_TRUE(world.Recover());
  EXPECT_THAT(world.runtime().sandboxes().List({}, Owner::kLocal).value(), SizeIs(1));
  EXPECT_THAT(world.network.misuses(), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
