// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What recovery makes of every phase with every kind of shim.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <ostream>

#include "base/codec.h"
#include "cri/testing/world.h"

namespace davit::cri {
namespace {

using ::testing::IsEmpty;

constexpr ShimMood kMoods[] = {ShimMood::kAnswers, ShimMood::kSilent, ShimMood::kGarbled,
                               ShimMood::kIncompatible, ShimMood::kDead};

// Recovery waits so long for shims that do not report.
std::chrono::milliseconds PatienceWith(ShimMood mood) {
  bool reports = mood == ShimMood::kAnswers || mood == ShimMood::kDead;
  return std::chrono::milliseconds(reports ? 60'000 : 20);
}

// Changes the first row, as another daemon left it.
template <typename Record, typename Rows, typename ChangeFn>
void Rewrite(World& world, const Rows& rows, ChangeFn change) {
  auto row = rows.value().front();
  Record record = Decode<Record>(row.blob, "row").value();
  change(record);
  row.blob = Encode(record);
  world.records.Seed(row);
}

struct Seen {
  v1::ContainerState state;
  int exit_code;

  bool operator==(const Seen&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen) {
    return out << v1::ContainerState_Name(seen.state) << " " << seen.exit_code;
  }
};
using MaybeSeen = std::optional<Seen>;  // nothing: it is removed

constexpr Seen kNew{v1::CONTAINER_CREATED, 0};
constexpr Seen kRuns{v1::CONTAINER_RUNNING, 0};
constexpr Seen kRecorded{v1::CONTAINER_EXITED, 1};   // as the database says
constexpr Seen kReported{v1::CONTAINER_EXITED, 5};   // as the exit record says
constexpr Seen kUnknown{v1::CONTAINER_EXITED, 255};  // lost
constexpr MaybeSeen kRemoved;

enum class End { kLives, kExitRecord, kNoTrace };

// What recovery makes of a container, by the End of its process. `silent` is also for answers that cannot be
// understood.
struct Outcomes {
  ContainerPhase phase;
  MaybeSeen answers[3];
  MaybeSeen silent[3];
  MaybeSeen dead[3];

  const MaybeSeen& With(ShimMood mood, End end) const {
    auto& by_end = mood == ShimMood::kAnswers ? answers : mood == ShimMood::kDead ? dead : silent;
    return by_end[static_cast<int>(end)];
  }
};

const Outcomes kContainers[] = {
    {ContainerPhase::kCreated, {kRuns, kReported, kNew}, {kNew, kReported, kNew}, {kNew, kReported, kNew}},
    {ContainerPhase::kStarting,
     {kRuns, kReported, kNew},
     {kNew, kReported, kNew},
     {kUnknown, kReported, kUnknown}},
    {ContainerPhase::kRunning,
     {kRuns, kReported, kUnknown},
     {kRuns, kReported, kRuns},
     {kUnknown, kReported, kUnknown}},
    {ContainerPhase::kExited,
     {kRecorded, kRecorded, kRecorded},
     {kRecorded, kRecorded, kRecorded},
     {kRecorded, kRecorded, kRecorded}},
    {ContainerPhase::kRemoving,
     {kRemoved, kRemoved, kRemoved},
     {kRecorded, kRecorded, kRecorded},
     {kRemoved, kRemoved, kRemoved}},
};

// A pod as a daemon that died in this phase left it, after the next daemon has recovered.
class RecoveredContainer {
 public:
  RecoveredContainer(ContainerPhase phase, ShimMood mood, End end) {
    SetPhase(phase);
    if (end != End::kLives) world_.shims.Exit(pod_.sandbox, pod_.container, 5, /*tell=*/false);
    if (end == End::kNoTrace) world_.shims.RemoveExitRecord(pod_.container);
    world_.shims.SetMood(pod_.sandbox, mood);
    world_.Restart();
    EXPECT_TRUE(world_.Recover(PatienceWith(mood)));
  }

  void ExpectContainer(const MaybeSeen& expected) {
    world_.Eventually([&] { return Container() == expected; }, std::chrono::seconds(10));
    EXPECT_EQ(Container(), expected);
  }
  void ExpectSandbox(v1::PodSandboxState expected) {
    auto state = [&] { return world_.SandboxStatusOf(pod_.sandbox).state(); };
    world_.Eventually([&] { return state() == expected; }, std::chrono::seconds(10));
    EXPECT_EQ(state(), expected);
  }
  void AnswerNow() { world_.shims.AnswerNow(pod_.sandbox); }
  void ExpectRemovable() {
    EXPECT_TRUE(world_.RemoveSandbox(pod_.sandbox));
    world_.Eventually([&] { return world_.Leftovers().empty(); }, std::chrono::seconds(10));
    EXPECT_THAT(world_.Leftovers(), IsEmpty());
  }

 private:
  void SetPhase(ContainerPhase phase) {
    Rewrite<ContainerRecord>(world_, world_.records.Containers(), [phase](ContainerRecord& record) {
      record.phase = phase;
      if (phases::HasEnded(record)) record.exit_code = kRecorded.exit_code;
    });
  }
  MaybeSeen Container() {
    Result<v1::ContainerStatus> status = world_.FindStatusOf(pod_.container);
    if (!status) return kRemoved;
    return Seen{status->state(), status->exit_code()};
  }

  World world_;
  World::Pod pod_ = world_.RunPod();
};

v1::PodSandboxState StateOfReadyPod(ShimMood mood) {
  bool usable = mood != ShimMood::kDead && mood != ShimMood::kIncompatible;
  return usable ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY;
}

class RecoveryOfContainers : public ::testing::TestWithParam<Outcomes> {};
INSTANTIATE_TEST_SUITE_P(InPhase, RecoveryOfContainers, ::testing::ValuesIn(kContainers));

TEST_P(RecoveryOfContainers, WithEveryShimAndEveryEnd) {
  for (ShimMood mood : kMoods) {
    for (End end : {End::kLives, End::kExitRecord, End::kNoTrace}) {
      SCOPED_TRACE(::testing::Message()
                   << "shim " << static_cast<int>(mood) << " end " << static_cast<int>(end));
      RecoveredContainer recovered(GetParam().phase, mood, end);
      recovered.ExpectContainer(GetParam().With(mood, end));
      recovered.ExpectSandbox(StateOfReadyPod(mood));
      if (mood != ShimMood::kDead) {
        recovered.AnswerNow();
        recovered.ExpectContainer(GetParam().With(ShimMood::kAnswers, end));
      }
      recovered.ExpectRemovable();
    }
  }
}

// What recovery makes of a sandbox; nothing: it is undone.
std::optional<v1::PodSandboxState> Expected(SandboxPhase phase, ShimMood mood) {
  switch (phase) {
    case SandboxPhase::kCreating:
      return std::nullopt;
    case SandboxPhase::kReady:
      return StateOfReadyPod(mood);
    case SandboxPhase::kNotReady:
    case SandboxPhase::kStopped:
      break;
  }
  return v1::SANDBOX_NOTREADY;
}

class RecoveryOfSandboxes : public ::testing::TestWithParam<SandboxPhase> {};
INSTANTIATE_TEST_SUITE_P(InPhase, RecoveryOfSandboxes,
                         ::testing::Values(SandboxPhase::kCreating, SandboxPhase::kReady,
                                           SandboxPhase::kNotReady, SandboxPhase::kStopped));

TEST_P(RecoveryOfSandboxes, WithEveryShim) {
  for (ShimMood mood : kMoods) {
    SCOPED_TRACE(static_cast<int>(mood));
    World world;
    std::string id = world.RunSandbox().value();
    if (GetParam() == SandboxPhase::kStopped) {
      ASSERT_TRUE(world.StopSandbox(id));  // ends the shim, whatever it is like
    } else {
      Rewrite<SandboxRecord>(world, world.records.Sandboxes(),
                             [](SandboxRecord& record) { record.phase = GetParam(); });
      world.shims.SetMood(id, mood);
    }
    world.Restart();
    ASSERT_TRUE(world.Recover(PatienceWith(mood)));
    auto state = [&]() -> std::optional<v1::PodSandboxState> {
      Result<v1::PodSandboxStatus> status = world.FindSandboxStatusOf(id);
      return status ? std::optional(status->state()) : std::nullopt;
    };
    world.Eventually([&] { return state() == Expected(GetParam(), mood); }, std::chrono::seconds(10));
    EXPECT_EQ(state(), Expected(GetParam(), mood));
    EXPECT_TRUE(world.RemoveSandbox(id));
    EXPECT_THAT(world.Leftovers(), IsEmpty());
    EXPECT_TRUE(world.RunSandbox()) << "its name is free";
  }
}

}  // namespace
}  // namespace davit::cri
