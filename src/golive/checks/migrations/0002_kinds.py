"""Checks of several kinds: what only HTTP has moves into `options`."""

from django.db import migrations, models


def into_options(apps, schema_editor):
    for check in apps.get_model("checks", "Check").objects.all():
        check.options = {"method": check.method, "status": check.status or [200], "contains": check.contains}
        check.save(update_fields=["options"])


class Migration(migrations.Migration):
    dependencies = [("checks", "0001_initial")]

    operations = [
        migrations.AddField("check", "kind", models.CharField(default="http", max_length=32)),
        migrations.AddField("check", "options", models.JSONField(default=dict)),
        migrations.AlterField("check", "url", models.CharField(blank=True, max_length=2000)),
        migrations.RunPython(into_options, migrations.RunPython.noop),
        migrations.RemoveField("check", "method"),
        migrations.RemoveField("check", "status"),
        migrations.RemoveField("check", "contains"),
    ]
