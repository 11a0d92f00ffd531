// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Statistics of containers and pods.

#include <set>

#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::UnorderedElementsAre;

using Ids = std::set<std::string>;

constexpr uint64_t kMiB = 1 << 20;

class Stats : public PodTest {
 protected:
  v1::ContainerStats Of(const std::string& container) {
    v1::ContainerStatsRequest request;
    request.set_container_id(container);
    return Must(cri().Ask(&RuntimeStub::ContainerStats, request)).stats();
  }

  // The ids of what the list and its streaming twin have.
  Ids List(const v1::ContainerStatsFilter& filter) {
    v1::ListContainerStatsRequest request;
    *request.mutable_filter() = filter;
    Ids listed;
    v1::ListContainerStatsResponse list = Must(cri().Ask(&RuntimeStub::ListContainerStats, request));
    for (const auto& stats : list.stats()) listed.insert(stats.attributes().id());
    v1::StreamContainerStatsRequest stream;
    *stream.mutable_filter() = filter;
    auto parts = cri().AskAll(&RuntimeStub::StreamContainerStats, stream);
    EXPECT_THAT(parts, Succeeds());
    Ids streamed;
    for (const auto& part : parts.value) {
      for (const auto& stats : part.container_stats()) streamed.insert(stats.attributes().id());
    }
    EXPECT_EQ(listed, streamed);
    return listed;
  }

  // Runs a script that says "ready" when it has done what is measured.
  std::string RunUntilReady(const std::string& script, int64_t memory_limit = 0) {
    std::string container = RunIdle([&](auto&, v1::ContainerConfig& config) {
      config = ShellConfig(script);
      config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(memory_limit);
    });
    WaitForOutput(container, "ready");
    return container;
  }
};

constexpr char kStay[] = "; echo ready; trap 'exit 0' TERM; while true; do sleep 1000 & wait; done";

TEST_F(Stats, OfARunningContainerHaveItsNameAndItsFigures) {
  std::string container = RunIdle([](auto&, v1::ContainerConfig& config) {
    (*config.mutable_labels())["colour"] = "red";
    (*config.mutable_annotations())["note"] = "kept";
  });

  v1::ContainerStats stats = Of(container);

  EXPECT_EQ(stats.attributes().id(), container);
  EXPECT_EQ(stats.attributes().metadata().name(), "idle");
  EXPECT_EQ(stats.attributes().labels().at("colour"), "red");
  EXPECT_EQ(stats.attributes().annotations().at("note"), "kept");
  EXPECT_GT(stats.cpu().timestamp(), 0);
  EXPECT_GT(stats.cpu().usage_core_nano_seconds().value(), 0U);
  EXPECT_GT(stats.memory().timestamp(), 0);
  EXPECT_GT(stats.memory().usage_bytes().value(), 0U);
  EXPECT_GT(stats.memory().page_faults().value(), 0U);
  EXPECT_LE(stats.memory().working_set_bytes().value(), stats.memory().usage_bytes().value());
  EXPECT_FALSE(stats.memory().has_available_bytes()) << "it has no limit";
  EXPECT_GT(stats.writable_layer().timestamp(), 0);
  EXPECT_GT(stats.writable_layer().inodes_used().value(), 0U);
  auto image_fs = Must(cri().Ask(&ImageStub::ImageFsInfo, v1::ImageFsInfoRequest()));
  EXPECT_EQ(stats.writable_layer().fs_id().mountpoint(),
            image_fs.container_filesystems(0).fs_id().mountpoint());
}

TEST_F(Stats, TheRateIsThatOfTheLastSeconds) {
  std::string busy =
      RunIdle([](auto&, v1::ContainerConfig& config) { config = ShellConfig("while :; do :; done"); });
  std::string idle = RunIdle();

  EXPECT_FALSE(Of(idle).cpu().has_usage_nano_cores());
  WaitUntil("a rate of the busy container",
            [&] { return Of(busy).cpu().usage_nano_cores().value() > 50'000'000; });
  WaitUntil("a rate of the idle container", [&] { return Of(idle).cpu().has_usage_nano_cores(); });
  EXPECT_LT(Of(idle).cpu().usage_nano_cores().value(), 50'000'000U);
}

TEST_F(Stats, MemoryCountsWhatTheContainerHoldsAgainstItsLimit) {
  std::string container = RunUntilReady(
      std::string("dd if=/dev/zero of=/dev/shm/file bs=1M count=32 2>/dev/null") + kStay, 96 * kMiB);

  v1::MemoryUsage memory = Of(container).memory();

  EXPECT_THAT(memory.usage_bytes().value(), AllOf(Ge(32 * kMiB), Lt(96 * kMiB)));
  EXPECT_GE(memory.working_set_bytes().value(), 32 * kMiB) << "a tmpfs file cannot be dropped";
  EXPECT_EQ(memory.available_bytes().value() + memory.working_set_bytes().value(), 96 * kMiB);
}

TEST_F(Stats, TheWritableLayerHasWhatTheContainerWrote) {
  std::string container =
      RunUntilReady(std::string("dd if=/dev/zero of=/file bs=1M count=8 2>/dev/null") + kStay);

  EXPECT_THAT(Of(container).writable_layer().used_bytes().value(), AllOf(Ge(8 * kMiB), Lt(9 * kMiB)));
}

TEST_F(Stats, AreListedOfWhatRuns) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  std::string running = CreateAndStart(pod, pod_config, IdleConfig("running"));
  std::string created = Create(pod, pod_config, IdleConfig("created"));
  std::string exited = CreateAndStart(pod, pod_config, ShellConfig("exit 0", "exited"));
  WaitForExit(exited);

  EXPECT_THAT(List({}), UnorderedElementsAre(running));
  for (const std::string& container : {created, exited}) {
    v1::ContainerStats stats = Of(container);
    EXPECT_EQ(stats.attributes().id(), container);
    EXPECT_FALSE(stats.has_cpu());
    EXPECT_FALSE(stats.has_memory());
  }
}

TEST_F(Stats, AreFilteredByIdItsPrefixPodAndLabels) {
  v1::PodSandboxConfig pod_config = PodConfig();
  std::string pod = RunPod(pod_config);
  v1::ContainerConfig labelled = IdleConfig("labelled");
  (*labelled.mutable_labels())["role"] = "worker";
  std::string worker = CreateAndStart(pod, pod_config, labelled);
  std::string plain = CreateAndStart(pod, pod_config, IdleConfig("plain"));
  std::string elsewhere = RunIdle();

  EXPECT_THAT(List({}), UnorderedElementsAre(worker, plain, elsewhere));
  v1::ContainerStatsFilter by_id;
  by_id.set_id(plain);
  EXPECT_THAT(List(by_id), UnorderedElementsAre(plain));
  by_id.set_id(plain.substr(0, 12));
  EXPECT_THAT(List(by_id), UnorderedElementsAre(plain));
  v1::ContainerStatsFilter by_pod;
  by_pod.set_pod_sandbox_id(pod);
  EXPECT_THAT(List(by_pod), UnorderedElementsAre(worker, plain));
  v1::ContainerStatsFilter by_label;
  (*by_label.mutable_label_selector())["role"] = "worker";
  EXPECT_THAT(List(by_label), UnorderedElementsAre(worker));
  (*by_label.mutable_label_selector())["role"] = "idler";
  EXPECT_THAT(List(by_label), IsEmpty());
}

TEST_F(Stats, OfAnUnknownContainerAreNotFound) {
  v1::ContainerStatsRequest request;
  request.set_container_id("none");
  EXPECT_EQ(cri().Ask(&RuntimeStub::ContainerStats, request).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace davit::e2e
