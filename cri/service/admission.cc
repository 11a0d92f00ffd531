// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/admission.h"

#include <algorithm>

namespace davit::cri {
namespace {

constexpr const char* kNames[Admission::kClasses] = {"calls that look at the state",
                                                     "stops",
                                                     "removals and changes",
                                                     "starts",
                                                     "image pulls",
                                                     "image pushes, saves and loads",
                                                     "commands in local containers",
                                                     "ExecSync",
                                                     "watchers of events",
                                                     "waits for containers",
                                                     "list streams"};

constexpr bool kHoldsThread[Admission::kClasses] = {true, true,  true,  true,  true, true,
                                                    true, false, false, false, false};

}  // namespace

Admission::Limits Admission::DefaultLimits(uint64_t descriptors) {
  // Two pipes, the outcome's socket, a cgroup and a timer; half of all are for everything else.
  constexpr uint64_t kDescriptorsOfExec = 8;
  int execs = static_cast<int>(std::clamp<uint64_t>(descriptors / 2 / kDescriptorsOfExec, 16, 4096));
  return {/*look=*/256,   /*stop=*/1024, /*remove=*/256,
          /*start=*/512,  /*pull=*/256,  /*carry=*/32,   /*command=*/512, execs,
          /*watch=*/4096, /*wait=*/4096, /*stream=*/64};
}

int Admission::most_threads() const {
  int most = 0;
  for (size_t i = 0; i < kClasses; ++i) most += kHoldsThread[i] ? limits_[i] : 0;
  return most;
}

Result<Admission::Place> Admission::Enter(CallClass call_class) {
  auto index = static_cast<size_t>(call_class);
  int taken = ++taken_[index];
  Place place(*this, index);
  if (taken <= limits_[index]) return place;
  return Fail(Code::kResourceExhausted, "admit", kNames[index],
              std::to_string(limits_[index]) + " of them are in progress; try again later");
}

bool Admission::busy() const {
  for (size_t i = 0; i < kClasses; ++i) {
    bool lasts = i == static_cast<size_t>(CallClass::kCommand);
    if (kHoldsThread[i] && !lasts && taken_[i] > 0) return true;
  }
  return false;
}

void Admission::Leave(size_t index) {
  --taken_[index];
  if (on_leave_ != nullptr) on_leave_();
}

}  // namespace davit::cri
