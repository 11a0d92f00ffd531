// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <poll.h>

#include <algorithm>

#include "base/time.h"
#include "cli/compose/log_streams.h"
#include "cli/compose/node.h"
#include "cli/compose/project_files.h"
#include "cli/compose/up.h"
#include "cli/compose/verbs.h"
#include "cli/moment.h"

namespace davit::cli::compose {
namespace {

Result<LogChoice> ChoiceOf(const Logs& options) {
  LogChoice choice;
  choice.since = TRY(ParseMoment("--since", options.since, UnixNanoseconds()));
  choice.tail = TRY(ParseTail(options.tail));
  return choice;
}

}  // namespace

Result<int> Do(const Context& context, const Logs& options) {
  const Session& session = context.session;
  LogChoice choice = TRY(ChoiceOf(options));
  const Project project = TRY(OpenProject(session.console, context.options, options.services));
  if (!options.services.empty()) TRY(project.InOrder(options.services));
  std::vector<api::Container> containers =
      OfServices(TRY(ContainersOf(session.daemon, project.name, /*all=*/true)), options.services);
  size_t width = 0;
  for (const api::Container& container : containers)
    width = std::max(width, LabelFor(project, container.name()).size());
  LogStyle style = StyleFor(session.console, options.no_color, options.no_log_prefix, options.timestamps);
  auto streams = TRY(LogStreams::Make(session, style, width));
  for (const api::Container& container : containers) {
    std::string label = LabelFor(project, container.name());
    TRY(options.follow ? streams->Follow(container, label, choice)
                       : streams->Print(container, label, choice));
  }
  while (streams->following() > 0) {
    pollfd waits[] = {{session.interrupt.fd(), POLLIN, 0}, {streams->fd(), POLLIN, 0}};
    if (poll(waits, 2, /*timeout=*/-1) < 0 && errno != EINTR) return SystemError("poll", "");
    if ((waits[0].revents & POLLIN) != 0 && session.interrupt.Take()) return kInterrupted;
    if ((waits[1].revents & POLLIN) != 0) streams->Ended();
  }
  return 0;
}

}  // namespace davit::cli::compose
