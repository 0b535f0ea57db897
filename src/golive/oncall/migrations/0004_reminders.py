import datetime

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('oncall', '0003_policies'),
    ]

    operations = [
        migrations.AddField(
            model_name='escalationpolicy',
            name='feed',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='oncall',
            name='lapse',
            field=models.DurationField(default=datetime.timedelta(seconds=7200)),
        ),
        migrations.AddField(
            model_name='oncall',
            name='remind',
            field=models.DurationField(default=datetime.timedelta(seconds=1800)),
        ),
    ]
