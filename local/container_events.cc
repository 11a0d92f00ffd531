// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/local_containers.h"

namespace davit::local {
namespace {

std::string WordOf(api::HealthState::Status status) {
  switch (status) {
    case api::HealthState::HEALTHY:
      return "healthy";
    case api::HealthState::UNHEALTHY:
      return "unhealthy";
    default:
      return "starting";
  }
}

}  // namespace

void LocalContainers::Note(const LocalContainer& container, const std::string& action,
                           EventLog::Attributes attributes) const {
  attributes.emplace_back("name", container.name());
  attributes.emplace_back("image", container.spec().image());
  ports_.events.Note("container", action, container.id(), attributes);
}

void LocalContainers::NoteEnd(const LocalContainer& container) const {
  LocalRecord record = container.record().Get();
  if (record.oom_killed) Note(container, "oom");
  Note(container, "die", {{"exitCode", std::to_string(record.exit_code)}});
}

void LocalContainers::NoteHealth(const std::string& id, api::HealthState::Status status) const {
  if (LocalContainerPtr container = roster_.FindId(id)) Note(*container, "health_status: " + WordOf(status));
}

}  // namespace davit::local
