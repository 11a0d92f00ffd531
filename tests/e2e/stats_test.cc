// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Statistics of containers and pods.

#include <map>
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
  WaitUntil("the kernel has summed up its page faults",
            [&] { return Of(container).memory().page_faults().value() > 0; });
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
  WaitUntil("a rate of the idle container", [&] {
    v1::CpuUsage cpu = Of(idle).cpu();
    return cpu.has_usage_nano_cores() && cpu.usage_nano_cores().value() < 50'000'000;
  });
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

class PodStats : public Stats {
 protected:
  v1::PodSandboxStats OfPod(const std::string& pod) {
    v1::PodSandboxStatsRequest request;
    request.set_pod_sandbox_id(pod);
    return Must(cri().Ask(&RuntimeStub::PodSandboxStats, request)).stats();
  }

  Ids ListPodsWith(const v1::PodSandboxStatsFilter& filter) {
    v1::ListPodSandboxStatsRequest request;
    *request.mutable_filter() = filter;
    Ids listed;
    v1::ListPodSandboxStatsResponse list = Must(cri().Ask(&RuntimeStub::ListPodSandboxStats, request));
    for (const auto& stats : list.stats()) listed.insert(stats.attributes().id());
    v1::StreamPodSandboxStatsRequest stream;
    *stream.mutable_filter() = filter;
    auto parts = cri().AskAll(&RuntimeStub::StreamPodSandboxStats, stream);
    EXPECT_THAT(parts, Succeeds());
    Ids streamed;
    for (const auto& part : parts.value) {
      for (const auto& stats : part.pod_sandbox_stats()) streamed.insert(stats.attributes().id());
    }
    EXPECT_EQ(listed, streamed);
    return listed;
  }
};

TEST_F(PodStats, HaveTheFiguresOfThePodAndOfItsRunningContainers) {
  v1::PodSandboxConfig config = PodConfig();
  (*config.mutable_labels())["colour"] = "red";
  std::string pod = RunPod(config);
  std::string running = CreateAndStart(pod, config, IdleConfig("running"));
  Create(pod, config, IdleConfig("created"));

  v1::PodSandboxStats stats = OfPod(pod);

  EXPECT_EQ(stats.attributes().id(), pod);
  EXPECT_EQ(stats.attributes().metadata().uid(), config.metadata().uid());
  EXPECT_EQ(stats.attributes().labels().at("colour"), "red");
  const v1::LinuxPodSandboxStats& figures = stats.linux();
  ASSERT_EQ(figures.containers_size(), 1);
  EXPECT_EQ(figures.containers(0).attributes().id(), running);
  EXPECT_GE(figures.cpu().usage_core_nano_seconds().value(),
            figures.containers(0).cpu().usage_core_nano_seconds().value() / 2);
  EXPECT_GT(figures.memory().usage_bytes().value(), 0U);
  EXPECT_GE(figures.process().process_count().value(), 1U);
  EXPECT_EQ(figures.network().default_interface().name(), "eth0");
}

TEST_F(PodStats, CountWhatThePodReceivesAndSends) {
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string container = CreateAndStart(pod, config, IdleConfig());
  v1::NetworkInterfaceUsage before = OfPod(pod).linux().network().default_interface();

  Shell(container, "gateway=$(ip route | awk '/default/ { print $3 }'); ping -c 2 -s 30000 $gateway");

  v1::NetworkInterfaceUsage after = OfPod(pod).linux().network().default_interface();
  EXPECT_GT(after.tx_bytes().value(), before.tx_bytes().value() + 50'000);
  EXPECT_GT(after.rx_bytes().value(), before.rx_bytes().value() + 50'000) << "the answers";
}

TEST_F(PodStats, OfAPodOnTheHostsNetworkHaveNoTraffic) {
  v1::PodSandboxConfig config = PodConfig();
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(v1::NODE);
  EXPECT_FALSE(OfPod(RunPod(config)).linux().has_network());
}

TEST_F(PodStats, AreListedOfPodsThatAreReadyByIdAndLabels) {
  v1::PodSandboxConfig red = PodConfig();
  (*red.mutable_labels())["colour"] = "red";
  std::string first = RunPod(red);
  std::string second = RunPod(PodConfig());
  std::string stopped = RunPod(PodConfig());
  StopPod(stopped);

  EXPECT_THAT(ListPodsWith({}), UnorderedElementsAre(first, second));
  v1::PodSandboxStatsFilter by_id;
  by_id.set_id(second.substr(0, 12));
  EXPECT_THAT(ListPodsWith(by_id), UnorderedElementsAre(second));
  v1::PodSandboxStatsFilter by_label;
  (*by_label.mutable_label_selector())["colour"] = "red";
  EXPECT_THAT(ListPodsWith(by_label), UnorderedElementsAre(first));
}

// Every value has as many labels as its descriptor, or the kubelet drops it.
TEST_F(PodStats, MetricsFitTheirDescriptors) {
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string container = CreateAndStart(pod, config, IdleConfig());
  auto descriptors = Must(cri().Ask(&RuntimeStub::ListMetricDescriptors, v1::ListMetricDescriptorsRequest()));
  std::map<std::string, v1::MetricDescriptor> known;
  for (const auto& descriptor : descriptors.descriptors()) known[descriptor.name()] = descriptor;

  auto list = Must(cri().Ask(&RuntimeStub::ListPodSandboxMetrics, v1::ListPodSandboxMetricsRequest()));

  ASSERT_EQ(list.pod_metrics_size(), 1);
  EXPECT_EQ(list.pod_metrics(0).pod_sandbox_id(), pod);
  ASSERT_EQ(list.pod_metrics(0).container_metrics_size(), 1);
  EXPECT_EQ(list.pod_metrics(0).container_metrics(0).container_id(), container);
  std::map<std::string, v1::Metric> found;
  for (const auto& metric : list.pod_metrics(0).metrics()) found[metric.name()] = metric;
  for (const auto& metric : list.pod_metrics(0).container_metrics(0).metrics()) found[metric.name()] = metric;
  for (const auto& [name, metric] : found) {
    ASSERT_TRUE(known.contains(name)) << name;
    EXPECT_EQ(metric.label_values_size(), known[name].label_keys_size()) << name;
    EXPECT_EQ(metric.label_values(3), config.metadata().name()) << name;
    EXPECT_EQ(metric.label_values(4), config.metadata().namespace_()) << name;
  }
  EXPECT_GT(found["container_memory_working_set_bytes"].value().value(), 0U);
  EXPECT_EQ(found["container_memory_working_set_bytes"].label_values(5), "idle");
  EXPECT_GE(found["container_processes"].value().value(), 1U);
  EXPECT_TRUE(found.contains("container_cpu_usage_seconds_total"));
  EXPECT_TRUE(found.contains("container_network_receive_bytes_total"));
  EXPECT_GT(found["container_fs_usage_bytes"].value().value(), 0U);
}

}  // namespace
}  // namespace davit::e2e
