// SPDX-License-Identifier: GPL-3.0-or-later
// Headings, and the language that they are in.
#include "headings.h"

#include <stdlib.h>
#include <string.h>

static const char *const headings[][LA_NHEADINGS] = {
	[LA_ENGLISH] = { "Cause",
			 "Where",
			 "Who",
			 "When",
			 "Kernel",
			 "Signature",
			 "Stuck because of it",
			 "What to do next",
			 "Known issues like it",
			 "Cure",
			 "Fault",
			 "Stack",
			 "Registers at the fault",
			 "CPUs",
			 "Who waits for whom",
			 "In the log",
			 "Tainted",
			 "Facts",
			 "Not checked",
			 "Memory",
			 "Stacks",
			 "Versions",
			 "first trouble" },
	[LA_CHINESE] = { "原因",           "位置",     "任务",     "时间",
			 "内核",           "特征",     "因此受阻", "下一步",
			 "类似的已知问题", "解决办法", "故障",     "调用栈",
			 "故障时的寄存器", "CPU",      "等待关系", "日志",
			 "内核污染标记",   "依据",     "未检查",   "内存",
			 "各调用栈",       "版本",     "首个异常" },
};

const char *const *la_headings(enum la_language language)
{
	return headings[language];
}

enum la_language la_language_of_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strncmp(value, "zh", 2) ? LA_ENGLISH : LA_CHINESE;
	}
	return LA_ENGLISH;
}
